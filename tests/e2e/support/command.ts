import { join } from "node:path";

/** The root of the repository: commands run there. */
export const ROOT = join(import.meta.dir, "..", "..", "..");

/** The command line, as it is run. */
export const LTY: readonly string[] = [join(ROOT, "node_modules", ".bin", "lty")];

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a child sees of this process's environment: no setting of ours leaks in. */
export function cleanEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name, value]) => !name.startsWith("LTY_") && value !== undefined);
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...settings };
}

/** Runs a command to its end. */
export async function run(
  command: readonly string[],
  settings: Readonly<Record<string, string>>,
  input = "",
): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    env: cleanEnvironment(settings),
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
