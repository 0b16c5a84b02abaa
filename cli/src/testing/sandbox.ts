import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";

/** The command as npm links it. */
export const LTY = resolve(import.meta.dir, "../../../node_modules/.bin/lty");

/** How a command ended, and what it said. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

type Child = Subprocess<"ignore" | Blob, "pipe", "pipe">;

/** A folder of its own to run the real command in, with nothing of the outer environment; it ends what it started. */
export class Sandbox implements AsyncDisposable {
  readonly #children = new Set<Child>();

  private constructor(readonly folder: string) {}

  static async create(): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), "lty-cli-")));
  }

  /** Runs `lty …words` to its end. @throws Error when a stack trace shows */
  async lty(words: readonly string[], options: RunOptions = {}): Promise<Run> {
    return this.run([LTY, ...words], options);
  }

  /** The same for any program. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<Run> {
    const child = this.#spawn(command, options);
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (/^\s+at .+:\d+/m.test(stdout + stderr)) throw new Error(`a stack trace was shown:\n${stdout}${stderr}`);
    return { code, stdout, stderr };
  }

  /** Runs a command that succeeds, with `--json`, and answers what it printed: one line. */
  async json(words: readonly string[], options: RunOptions = {}): Promise<unknown> {
    const { code, stdout, stderr } = await this.lty([...words, "--json"], options);
    if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
    if (stdout.indexOf("\n") !== stdout.length - 1) throw new Error(`not one line: ${stdout}`);
    return JSON.parse(stdout);
  }

  /** Starts `lty …words` and leaves it running. */
  start(words: readonly string[], options: RunOptions = {}): Running {
    return new Running(this.#spawn([LTY, ...words], options));
  }

  /** Everything that is on disk, as text: to search for what must not be there. */
  async everything(): Promise<string> {
    const entries = await readdir(this.folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return (await Promise.all(files.map(async (file) => (await Bun.file(file).bytes()).toString()))).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([...this.#children].map((child) => child.exited));
    await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(command: readonly string[], { env, stdin, cwd }: RunOptions): Child {
    const child = Bun.spawn([...command], {
      cwd: cwd ?? this.folder,
      // Bun is not on this path: the command finds its own.
      env: { PATH: "/usr/bin:/bin", HOME: this.folder, ...env },
      stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }
}

/** A command that runs on. */
export class Running {
  readonly stdout: Transcript;
  readonly stderr: Transcript;

  constructor(private readonly child: Child) {
    this.stdout = new Transcript(child.stdout);
    this.stderr = new Transcript(child.stderr);
  }

  get pid(): number {
    return this.child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The exit code, once it has ended and all it said was read. */
  async ended(): Promise<number> {
    await Promise.all([this.stdout.complete, this.stderr.complete]);
    return this.child.exited;
  }
}

/** What a program writes, as it writes it. */
export class Transcript {
  text = "";
  readonly complete: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #over = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.complete = this.#read(stream);
  }

  /** Resolves to the match as soon as the text so far has one. @throws Error when it ends without */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match !== null) return match;
      if (this.#over) throw new Error(`it ended without ${pattern}:\n${this.text}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    for (const resume of this.#waiting) resume();
    this.#waiting.clear();
  }
}
