import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { stepsOf } from "./support/markdown.ts";
import { ROOT, readPage } from "./support/pages.ts";

const SOURCE = join(ROOT, "server/src");
const pages = await Promise.all(["docs/explain/data-path.md", "docs/explain/delivery.md"].map(readPage));
const diagrams = pages
  .flatMap((page) => stepsOf(page))
  .flatMap((step) => (step.kind === "block" && step.language === "mermaid" ? step.code : []))
  .join("\n");

/** `session["session/session.ts<br>Session"]`: a file, and what it exports. */
const nodes = [...diagrams.matchAll(/"([\w-]+\/[\w-]+\.ts)<br>(\w+)"/g)].map(([, file = "", name = ""]) => ({
  file,
  name,
}));

test("every node of the diagrams is a file, and exports what it is called", async () => {
  expect(nodes.length).toBeGreaterThan(10);
  const missing: string[] = [];
  for (const { file, name } of nodes) {
    const source = Bun.file(join(SOURCE, file));
    const text = (await source.exists()) ? await source.text() : "";
    if (!new RegExp(`^export (async )?(class|function) ${name}\\b`, "m").test(text)) missing.push(`${file} ${name}`);
  }
  expect(missing).toEqual([]);
});

test("every edge within the gateway is called as the code calls it", async () => {
  const files = [...new Glob("**/*.ts").scanSync(SOURCE)];
  const source = (await Promise.all(files.map((file) => Bun.file(join(SOURCE, file)).text()))).join("\n");
  const labels = [...diagrams.matchAll(/^ {2}(\w+) -- "([^"]+)" -->/gm)]
    .filter(([, from]) => from !== "client" && from !== "backend")
    .flatMap(([, , label = ""]) => label.split(", "));
  expect(labels.length).toBeGreaterThan(10);
  expect(labels.filter((label) => !new RegExp(`\\b${label}\\b`).test(source))).toEqual([]);
});
