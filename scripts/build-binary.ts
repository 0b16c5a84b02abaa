/**
 * Builds `lty` as one file that needs nothing beside it: Bun, the program, its threads and the page of the API.
 *
 *     npm run build:binary [-- --outfile dist/lty] [--target bun-linux-arm64]
 */
import { chmodSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { API_PAGE_SCRIPT } from "@qy-lty/server/http/api-page-script.ts";
import type { BunPlugin } from "bun";

const root = resolve(import.meta.dir, "..");
const { values } = parseArgs({
  options: { outfile: { type: "string", default: "dist/lty" }, target: { type: "string", default: "" } },
});
const outfile = resolve(values.outfile);

/** Entry points lie in the binary under their path from the root, as scripts. */
const embedded = (thread: string) => `/$bunfs/root/server/src/store/${thread}.js`;

/** What finds files at run time is told where they are in the binary. */
const inPlace: BunPlugin = {
  name: "embedded files",
  setup(build) {
    build.onLoad({ filter: /server\/src\/http\/api-page-script\.ts$/ }, () => ({
      loader: "ts",
      contents: `import file from ${JSON.stringify(API_PAGE_SCRIPT)} with { type: "file" };
export const API_PAGE_SCRIPT: string = file;`,
    }));
    build.onLoad({ filter: /server\/src\/store\/threads\.ts$/ }, () => ({
      loader: "ts",
      contents: `export const Threads = ${JSON.stringify({
        sqliteWriter: embedded("sqlite-writer-thread"),
        sqliteBackup: embedded("sqlite-backup-thread"),
      })};`,
    }));
  },
};

mkdirSync(dirname(outfile), { recursive: true });
const { success, logs } = await Bun.build({
  root,
  entrypoints: [
    `${root}/cli/src/main.ts`,
    `${root}/server/src/store/sqlite-writer-thread.ts`,
    `${root}/server/src/store/sqlite-backup-thread.ts`,
  ],
  minify: { whitespace: true, syntax: true },
  plugins: [inPlace],
  throw: false,
  compile: {
    outfile,
    // Settings come from the environment alone, whatever lies in the folder it is run in.
    autoloadDotenv: false,
    autoloadBunfig: false,
    ...(values.target !== "" && { target: values.target as Bun.Build.CompileTarget }),
  },
});
for (const log of logs) console.error(String(log));
if (!success) process.exit(1);
chmodSync(outfile, 0o755);
console.log(`built ${values.outfile} (${(Bun.file(outfile).size / 1024 / 1024).toFixed(0)} MiB)`);
