/**
 * Installs what is missing before any npm script runs. Needs Node and npm only: it is what makes Bun appear.
 *
 * - `npm ci` when `node_modules` is absent or older than the lock file.
 * - Bun's own install step when npm was told to skip install scripts: `node_modules/bun` is then a stub.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, "package-lock.json");
const installed = join(root, "node_modules", ".installed-lock");
const bun = join(root, "node_modules", ".bin", "bun");

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (error) fail(`${command} could not be started: ${error.message}`);
  if (status !== 0) fail(`\`${command} ${args.join(" ")}\` failed with exit code ${status}`);
}

function fail(why) {
  console.error(`install: ${why}`);
  process.exit(1);
}

function bunWorks() {
  return spawnSync(bun, ["--version"], { stdio: "ignore" }).status === 0;
}

const wanted = readFileSync(lock, "utf8");
if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) {
  console.error("Installing dependencies (npm ci) …");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  writeFileSync(installed, wanted);
}
if (!bunWorks()) {
  run(process.execPath, [join(root, "node_modules", "bun", "install.js")]);
  if (!bunWorks()) fail("Bun does not start; remove node_modules and run `npm ci`");
}
