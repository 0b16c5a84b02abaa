/**
 * Virtual environments for tests: made below `.cache/` from a list of pinned packages, and again when the list changes.
 *
 *     node scripts/test/python.mjs NAME REQUIREMENTS
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { run } from "./children.mjs";

const INSTALL_LIMIT_MS = 600_000;
const LOOK_EVERY_MS = 200;

/**
 * @param {string} root
 * @param {string} name below `.cache/`
 * @param {string} requirements a file for `pip install -r`
 * @returns {Promise<string[]>} what went wrong, one line; nothing when the environment is there
 */
export async function virtualEnvironment(root, name, requirements) {
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const folder = join(root, ".cache", name);
  const python = join(folder, "bin", "python");
  const mark = join(folder, `requirements-${wanted}`);
  const isThere = () => existsSync(mark) && spawnSync(python, ["-c", ""], { stdio: "ignore" }).status === 0;
  if (isThere()) return [];

  mkdirSync(join(root, ".cache"), { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    // Another test file may have been first.
    return isThere() ? [] : await make({ root, folder, python, mark, requirements });
  } finally {
    unlock();
  }
}

async function make({ root, folder, python, mark, requirements }) {
  console.error(`Installing Python packages of ${relative(root, requirements)} …`);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  for (const [command, args] of [
    ["python3", ["-m", "venv", "--clear", folder]],
    [python, pip],
    [python, ["-c", `open(${JSON.stringify(mark)}, "w")`]],
  ]) {
    const { status, output } = await run(command, args, { cwd: root, limitMs: INSTALL_LIMIT_MS });
    if (status !== 0) return [`Python packages of ${relative(root, requirements)}: ${lastLine(output)}`];
  }
  return [];
}

/** A folder is made by one alone. One that was left behind by a process that died is taken away after its time. */
async function lock(path) {
  for (;;) {
    try {
      mkdirSync(path);
      return () => rmdirSync(path);
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      if (Date.now() - since > INSTALL_LIMIT_MS) rmdirSync(path);
      else await sleep(LOOK_EVERY_MS);
    }
  }
}

function lastLine(output) {
  return output.trim().split("\n").at(-1) ?? "";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, requirements] = process.argv.slice(2);
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const problems = await virtualEnvironment(root, name, join(root, requirements));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
