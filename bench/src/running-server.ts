import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Dialect, Launch, ServerName } from "./servers.ts";
import { startChild } from "./workspace.ts";

const START_MS = 20_000;
const STOP_MS = 10_000;

/** A server process that is ready for load. */
export interface RunningServer<Name extends string = ServerName> {
  readonly name: Name;
  readonly dialect: Dialect;
  readonly pid: number;
  /** Base URL, without a slash at the end. */
  readonly origin: string;
  /** What it logged so far; at level `warn` a healthy server logs nothing. */
  log(): string;
  /** The folder in which it runs. */
  readonly home: string;
  /** Asks the process to end, and returns when it has, or after 10 s. */
  drain(): Promise<void>;
  /** Ends the process at once, if it has not ended, and removes its files. */
  stop(): Promise<void>;
}

let started = 0;

/** Starts a fresh process of a server in a folder of its own under `folder`, and waits until it is ready. */
export async function startServer<Name extends string>(
  launch: Launch<Name>,
  folder: string,
  options: { prefix: readonly string[]; env?: Record<string, string> },
): Promise<RunningServer<Name>> {
  const home = join(folder, `${launch.name}-${++started}`);
  mkdirSync(home);
  const env = { ...launch.prepare(home), ...options.env };
  const stdout = openSync(join(home, "stdout"), "w");
  const stderr = openSync(join(home, "stderr"), "w");
  const child = startChild([...options.prefix, ...launch.command], { cwd: home, env, stdout, stderr });
  closeSync(stdout);
  closeSync(stderr);

  const log = () => readFileSync(join(home, "stderr"), "utf8");
  const drain = async () => {
    child.kill("SIGTERM");
    await Promise.race([child.exited, Bun.sleep(STOP_MS)]);
  };
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
    rmSync(home, { recursive: true, force: true });
  };

  const deadline = performance.now() + START_MS;
  try {
    let origin: string | undefined;
    while (origin === undefined || !(await isReady(origin, launch.readyPath))) {
      if (child.exitCode !== null) throw new Error(`it exited with code ${child.exitCode}`);
      if (performance.now() > deadline) throw new Error(`it was not ready after ${START_MS / 1000} s`);
      await Bun.sleep(20);
      origin ??= /https?:\/\/[^\s/]+:\d+/.exec(readFileSync(join(home, "stdout"), "utf8"))?.[0];
    }
    return { name: launch.name, dialect: launch.dialect, pid: child.pid, origin, home, log, drain, stop };
  } catch (error) {
    const said = log().trim().split("\n").at(-1);
    await stop();
    throw new Error(`${launch.name} did not start: ${(error as Error).message}${said ? `; it said: ${said}` : ""}`);
  }
}

async function isReady(origin: string, path: string | undefined): Promise<boolean> {
  if (path === undefined) return true;
  const response = await fetch(`${origin}${path}`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  return response?.ok ?? false;
}
