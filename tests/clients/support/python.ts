import { join } from "node:path";
import { cleanEnvironment, ROOT } from "../../e2e/support/command.ts";

export const PACKAGE = join(ROOT, "clients", "python");
const OLDEST = "python-client-oldest";
const BIN = join(ROOT, ".cache", "python-client", "bin");

/** Makes the virtual environment of `clients/python/requirements-dev.txt` unless it is there. */
export async function preparePython(): Promise<void> {
  await succeed(["node", "scripts/test/python.mjs", "python-client", "clients/python/requirements-dev.txt"], ROOT);
}

/** Makes the one with the oldest `websockets` that is taken; answers its Python. */
export async function prepareOldest(): Promise<string> {
  await succeed(["node", "scripts/test/python.mjs", OLDEST, "clients/python/requirements-oldest.txt"], ROOT);
  return join(ROOT, ".cache", OLDEST, "bin", "python");
}

/** A program of that environment. */
export const program = (name: string) => join(BIN, name);

/** Runs a command that has to succeed; answers what it printed. @throws Error with its output */
export async function succeed(
  command: readonly string[],
  cwd: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await outcome(command, cwd, settings);
  if (code !== 0) throw new Error(`\`${command.join(" ")}\` exited with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** Runs a command to its end. */
export async function outcome(
  command: readonly string[],
  cwd: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const child = Bun.spawn([...command], {
    cwd,
    env: cleanEnvironment({ PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1", NO_COLOR: "1", ...settings }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
