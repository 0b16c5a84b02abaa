/**
 * Writes what is made from the tables of the code: the reference pages, the contract, the fixtures. `--check` writes nothing
 * and fails where a file has drifted.
 *
 * @example npm run gen
 */
import { readdir } from "node:fs/promises";
import { cliPage } from "./gen/cli.ts";
import { clientFramesFile } from "./gen/client-frames.ts";
import { pythonClientFiles } from "./gen/client-python.ts";
import { closeCodesPage } from "./gen/close-codes.ts";
import { asyncApiFile, contractFile } from "./gen/contract.ts";
import { errorsPage } from "./gen/errors.ts";
import { fixtureFiles } from "./gen/fixtures.ts";
import { framesPage } from "./gen/frames.ts";
import { httpPage } from "./gen/http.ts";
import { metricsPage } from "./gen/metrics.ts";
import type { Page } from "./gen/page.ts";
import { sdkMatrixPage } from "./gen/sdk-matrix.ts";
import { settingsPage } from "./gen/settings.ts";

interface Folder {
  /** Below the repository's root, with a slash at its end. */
  readonly path: string;
  readonly files: readonly Page[];
  /** Whether others write there too. */
  readonly isShared?: true;
}

const folders: readonly Folder[] = [
  {
    path: "docs/reference/",
    files: [settingsPage, framesPage, errorsPage, closeCodesPage, httpPage, metricsPage, cliPage, sdkMatrixPage],
  },
  { path: "protocol/", files: [contractFile, asyncApiFile], isShared: true },
  { path: "protocol/fixtures/", files: fixtureFiles },
  { path: "clients/python/src/qy_lty/", files: pythonClientFiles, isShared: true },
  { path: "clients/typescript/src/", files: [clientFramesFile], isShared: true },
];
const root = new URL("../", import.meta.url);
const check = process.argv.includes("--check");

const drifted = (await Promise.all(folders.map(bringUpToDate))).flat();
const count = folders.reduce((sum, { files }) => sum + files.length, 0);
if (drifted.length === 0) console.log(`${count} generated files, all current`);
else if (check) {
  console.error(`generated files have drifted; run \`npm run gen\`:\n  ${drifted.join("\n  ")}`);
  process.exitCode = 1;
} else console.log(`wrote\n  ${drifted.join("\n  ")}`);

/** Writes what is not as it should be; answers its names. */
async function bringUpToDate({ path, files, isShared }: Folder): Promise<string[]> {
  const folder = new URL(path, root);
  const changed: string[] = [];
  for (const page of files) {
    const wanted = `${await page.render()}\n`;
    const file = Bun.file(new URL(page.file, folder));
    if ((await file.exists()) && (await file.text()) === wanted) continue;
    changed.push(`${path}${page.file}`);
    if (!check) await Bun.write(file, wanted);
  }
  if (isShared) return changed;
  const known = new Set(files.map((page) => page.file));
  const others = (await readdir(folder)).filter((name) => !known.has(name));
  return [...changed, ...others.map((name) => `${path}${name} (no generator writes it)`)];
}
