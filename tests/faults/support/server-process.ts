import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, ROOT, startChild } from "../../../bench/src/workspace.ts";

/** The command line of this checkout. */
export const LTY = join(ROOT, "node_modules", ".bin", "lty");
const START_MS = 60_000;

export interface ServerProcessOptions {
  readonly cwd: string;
  /** Asked at every start, with the port it had before: 0 at first. */
  environment(port: number): Record<string, string>;
  /** Put before the command: a tracer, or what pins it to a processor. */
  readonly prefix?: readonly string[];
}

/** One `lty serve` that tests kill and start again, always on the same port. */
export class ServerProcess implements AsyncDisposable {
  port = 0;
  #child: Child | undefined;
  #pid = 0;
  #log = "";
  readonly #killer = () => this.#killAll();

  constructor(private readonly options: ServerProcessOptions) {
    process.once("exit", this.#killer);
  }

  /** The server's own process, also where a tracer started it; 0 while there is none. */
  get pid(): number {
    return this.#pid;
  }

  /** What it logged, of every life it had. */
  get log(): string {
    return this.#log;
  }

  /** Starts the process and resolves when it listens. */
  async serve(): Promise<void> {
    const { cwd, prefix } = this.options;
    const command = [...(prefix ?? []), LTY, "serve"];
    const child = startChild(command, { cwd, env: this.options.environment(this.port) });
    this.#child = child;
    const listening = Promise.withResolvers<number>();
    const timer = setTimeout(() => listening.reject(new Error(`no server within ${START_MS} ms`)), START_MS);
    let said = "";
    void read(child.stdout, (text) => {
      said += text;
      const port = /http:\/\/[\d.]+:(\d+)/.exec(said)?.[1];
      if (port !== undefined) listening.resolve(Number(port));
    });
    void read(child.stderr, (text) => {
      this.#log += text;
    });
    void child.exited.then((code) => listening.reject(new Error(`the server exited with ${code}: ${this.#log}`)));
    try {
      this.port = await listening.promise;
    } finally {
      clearTimeout(timer);
    }
    this.#pid = prefix === undefined ? child.pid : descendant(child.pid);
  }

  /** Starts it without waiting; for kills in the middle of a start. */
  async killWhileStarting(afterMs: number): Promise<void> {
    const serving = this.serve().catch(() => undefined);
    await Bun.sleep(afterMs);
    await this.kill();
    await serving;
  }

  /** `kill -9`. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#killAll();
    await this.#child?.exited;
    this.#pid = 0;
  }

  /** Asks it to stop, and waits until it has; answers its exit code. */
  async stop(): Promise<number | undefined> {
    if (this.#pid > 0) process.kill(this.#pid, "SIGTERM");
    const code = await this.#child?.exited;
    this.#pid = 0;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off("exit", this.#killer);
  }

  /** A tracer that is killed lets its child run on: the child goes first, and the tracer with it. */
  #killAll(): void {
    if (this.#pid > 0) killNow(this.#pid);
    if (this.#child !== undefined && this.#child.exitCode === null) {
      for (let pid = this.#child.pid; pid > 0; pid = firstChild(pid)) killNow(pid);
    }
  }
}

async function read(stream: Child["stdout"], take: (text: string) => void): Promise<void> {
  if (!(stream instanceof ReadableStream)) return;
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}

function killNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone.
  }
}

/** The last of a line of children: a tracer's or a shell's. */
function descendant(pid: number): number {
  const child = firstChild(pid);
  return child === 0 ? pid : descendant(child);
}

function firstChild(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0] ?? 0);
  } catch {
    return 0;
  }
}
