import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** The repository's root. */
export const ROOT = resolve(import.meta.dir, "../..");
/** Where compiled tools and temporary folders live; ignored by git. */
export const CACHE = join(ROOT, ".cache");

/** A child process that this run started. */
export type Child = Bun.Subprocess<"ignore", "pipe" | number, "pipe" | number>;

const children = new Set<Child>();
const folders = new Set<string>();
const cleanUps: (() => void)[] = [];

/**
 * Makes a temporary folder that goes away with this process. It lies beside the repository and not in the system's
 * temporary folder, because that is often memory, where a commit to disk costs nothing.
 */
export function temporaryFolder(): string {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, `bench-${process.pid}-`));
  folders.add(folder);
  return folder;
}

/** Starts a child process that does not outlive this one. */
export function startChild(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; stdout?: number; stderr?: number } = {},
): Child {
  const child: Child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: options.stdout ?? "pipe",
    stderr: options.stderr ?? "pipe",
    env: options.env ?? inheritedEnvironment(),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  children.add(child);
  void child.exited.then(() => children.delete(child));
  return child;
}

/** What a finished command left behind. */
export interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Processor time of the command, seconds. */
  readonly cpuSeconds: number;
}

/** Runs a command to its end, or kills it after `timeoutMs`. */
export async function runChild(
  command: readonly string[],
  timeoutMs: number,
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  const child = startChild(command, options);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), child.exited]);
    const timedOut = child.signalCode === "SIGKILL";
    const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
    return { exitCode, stdout, cpuSeconds, stderr: timedOut ? `${stderr}\nkilled after ${timeoutMs} ms` : stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** This process's environment without any setting of the gateway's: a bench must not depend on the caller's. */
export function inheritedEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("LTY_") && name !== "BUN_OPTIONS") environment[name] = value;
  }
  return environment;
}

/** Has something done when this process ends, after its children have been ended. */
export function atExit(cleanUp: () => void): void {
  cleanUps.push(cleanUp);
}

/** Ends every child and removes every temporary folder when this process ends, also by Ctrl-C. */
export function cleanUpOnExit(): void {
  process.on("exit", () => {
    for (const child of children) child.kill("SIGKILL");
    for (const cleanUp of cleanUps) cleanUp();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}

async function text(stream: Child["stdout"]): Promise<string> {
  return stream instanceof ReadableStream ? await new Response(stream).text() : "";
}
