import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const POLL_MS = 20;
/** Bounds one block, and one wait for what it prints. */
export const PATIENCE_MS = 60_000;
/** How long what was asked to end may take before it is killed. */
const GRACE_MS = 5_000;

/** A `bash -euo pipefail` that blocks are typed into, in a process group of its own: as one terminal window of a reader. */
export class Terminal implements AsyncDisposable {
  readonly #shell: ChildProcess;
  readonly #cwd: string;
  /** Everything printed so far. */
  #log = "";
  /** How much of it the page has shown already. */
  #shown = 0;
  #typed = 0;
  #ended: string | undefined;

  constructor(
    readonly name: string,
    cwd: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.#cwd = cwd;
    this.#shell = spawn("bash", ["--norc", "-euo", "pipefail"], { cwd, env, detached: true });
    this.#shell.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
    });
    // One stream, so that what is printed keeps its order.
    this.#shell.stdin?.write("exec 2>&1\n");
    this.#shell.on("exit", (code, signal) => {
      this.#ended = `exit code ${code ?? signal}`;
    });
  }

  /** Types a block in; it runs once those before it have ended. What was printed until now counts as shown. */
  type(code: string): void {
    this.#typed += 1;
    this.#shown = this.#log.length;
    const script = join(this.#cwd, `.${this.name}-${this.#typed}.sh`);
    writeFileSync(script, `${code}\n`);
    // Stdin is where the next block comes from: commands must not read it.
    this.#shell.stdin?.write(`. ${script} </dev/null; printf '\\n%s\\n' ${this.#doneMark()}\n`);
  }

  /** Waits until the block that was typed last has ended. @throws Error when it failed, or takes too long */
  async finish(): Promise<void> {
    const mark = this.#doneMark();
    await this.#until(() => this.#log.includes(mark), "is still running");
  }

  /** Waits until the block that was typed last has printed `line`, which does not count as shown. */
  async ready(line: string): Promise<void> {
    await this.#until(() => typeof follow(this.#log.slice(this.#shown), [line]) === "number", `never printed ${line}`);
  }

  /** Waits until `lines` have been printed, in that order, others between them; `…` stands for anything. */
  async expect(lines: readonly string[]): Promise<void> {
    let missing = "";
    await this.#until(
      () => {
        const match = follow(this.#log.slice(this.#shown), lines);
        if (typeof match === "string") {
          missing = match;
          return false;
        }
        this.#shown += match;
        return true;
      },
      () => `never printed\n  ${missing}`,
    );
  }

  /**
   * Ctrl-C: to everything that runs here, as a window does it; waits until that has ended. The shell may end with it,
   * where a person's would not: answers whether it is still good for another block.
   */
  async interrupt(): Promise<boolean> {
    this.#signal("SIGINT");
    await this.#until(() => this.#isSilent(), "is still running");
    return this.#ended === undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = Promise.withResolvers<void>();
    if (this.#ended !== undefined) ended.resolve();
    this.#shell.on("exit", () => ended.resolve());
    this.#shell.stdin?.end();
    this.#signal("SIGINT");
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), GRACE_MS);
    await ended.promise;
    clearTimeout(timer);
    // What the shell has left behind.
    this.#signal("SIGKILL");
  }

  #doneMark(): string {
    return `--done-${this.name}-${this.#typed}--`;
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      if (this.#shell.pid !== undefined) process.kill(-this.#shell.pid, signal);
    } catch {
      // Nothing is left of the group.
    }
  }

  /** Nothing more will come: what was typed last has ended, or the whole shell. */
  #isSilent(): boolean {
    return this.#ended !== undefined || this.#log.includes(this.#doneMark());
  }

  async #until(done: () => boolean, otherwise: string | (() => string)): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!done()) {
      if (performance.now() > deadline || this.#isSilent()) {
        // What it printed last may come after its end.
        await Bun.sleep(POLL_MS);
        if (done()) return;
        const what = typeof otherwise === "string" ? otherwise : otherwise();
        const how = this.#ended === undefined ? "" : ` (${this.#ended})`;
        throw new Error(`terminal ${this.name} ${what}${how}; it printed\n${this.#log.slice(this.#shown)}`);
      }
      await Bun.sleep(POLL_MS);
    }
  }
}

/** How far into `text` the last of `lines` ends, or the first line that is not there. Spaces may be more or fewer. */
function follow(text: string, lines: readonly string[]): number | string {
  let at = 0;
  for (const line of lines) {
    const words = line.trim().split(/\s+/);
    const pattern = words.map((word) => word.split("…").map(RegExp.escape).join(".*")).join("[ \\t]+");
    const match = new RegExp(`^[ \\t]*${pattern}[ \\t]*$`, "m").exec(text.slice(at));
    if (match === null) return line;
    at += match.index + match[0].length;
  }
  return at;
}
