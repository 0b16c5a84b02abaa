import { cleanEnvironment } from "../../e2e/support/command.ts";

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
