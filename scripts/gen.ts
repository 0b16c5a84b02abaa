/**
 * Writes the reference pages from the tables of the code. `--check` writes nothing and fails where a page has drifted.
 *
 * @example npm run gen
 */
import { readdir } from "node:fs/promises";
import { cliPage } from "./gen/cli.ts";
import { closeCodesPage } from "./gen/close-codes.ts";
import { errorsPage } from "./gen/errors.ts";
import { framesPage } from "./gen/frames.ts";
import { httpPage } from "./gen/http.ts";
import { metricsPage } from "./gen/metrics.ts";
import type { Page } from "./gen/page.ts";
import { settingsPage } from "./gen/settings.ts";

const pages: readonly Page[] = [settingsPage, framesPage, errorsPage, closeCodesPage, httpPage, metricsPage, cliPage];
const folder = new URL("../docs/reference/", import.meta.url);
const check = process.argv.includes("--check");

const drifted: string[] = [];
for (const page of pages) {
  const wanted = `${await page.render()}\n`;
  const file = Bun.file(new URL(page.file, folder));
  if ((await file.exists()) && (await file.text()) === wanted) continue;
  drifted.push(`docs/reference/${page.file}`);
  if (!check) await Bun.write(file, wanted);
}
const known = new Set(pages.map((page) => page.file));
for (const name of await readdir(folder)) {
  if (!known.has(name)) drifted.push(`docs/reference/${name} (no generator writes it)`);
}

if (drifted.length === 0) console.log(`docs/reference: ${pages.length} pages, all current`);
else if (check) {
  console.error(`docs/reference has drifted; run \`npm run gen\`:\n  ${drifted.join("\n  ")}`);
  process.exitCode = 1;
} else console.log(`wrote\n  ${drifted.join("\n  ")}`);
