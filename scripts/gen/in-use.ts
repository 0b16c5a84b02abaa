const SERVER = new URL("../../server/src/", import.meta.url);
/** The composition root, and the parts that it is given. */
const ROOTS = ["gateway.ts", "store/sqlite.ts", "transport/bun.ts"];

/** The source of the server as it runs: its roots, and what they import. */
export async function serverSource(): Promise<string> {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const files = new Set(ROOTS.map((root) => new URL(root, SERVER).href));
  const texts: string[] = [];
  for (const file of files) {
    const text = await Bun.file(new URL(file)).text();
    texts.push(text);
    for (const { path } of transpiler.scanImports(text)) if (path.startsWith(".")) files.add(new URL(path, file).href);
  }
  return texts.join("\n");
}

/**
 * Which rows of a protocol table the server uses today: the table stands for what is to come as well, and a reference
 * page must not promise that.
 */
export async function rowsInUse(
  rows: readonly string[],
  mention: (row: string) => string,
): Promise<ReadonlySet<string>> {
  const source = await serverSource();
  return new Set(rows.filter((row) => source.includes(mention(row))));
}
