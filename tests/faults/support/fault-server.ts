import { Database } from "bun:sqlite";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashToken, mintToken, tokenPrefix } from "@qy-lty/server/platform/ids.ts";
import { mintCredentials, seedDatabase } from "../../../bench/src/seed.ts";
import {
  type Child,
  inheritedEnvironment,
  ROOT,
  runChild,
  startChild,
  temporaryFolder,
} from "../../../bench/src/workspace.ts";

const LTY = join(ROOT, "node_modules", ".bin", "lty");
const START_MS = 60_000;

export interface FaultServerOptions {
  /** So many users, each with a device and its token; user and device `i + 1` belong to token `i`. */
  readonly people: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the command: a tracer, or what pins it to a processor. */
  readonly prefix?: (folder: string) => readonly string[];
}

/** A server process that tests kill and start again, always on the same port and database. */
export class FaultServer implements AsyncDisposable {
  readonly folder = temporaryFolder();
  readonly database = join(this.folder, "lty.db");
  /** Token of the device `i + 1`. */
  readonly tokens: readonly string[];
  /** Token of an administrator, who may push to everybody. */
  readonly admin: string;
  port = 0;
  #child: Child | undefined;
  #pid = 0;
  #log = "";
  readonly #killer = () => this.#killAll();

  private constructor(private readonly options: FaultServerOptions) {
    const credentials = mintCredentials(options.people, this.folder);
    this.admin = credentials.admin;
    this.tokens = Array.from({ length: options.people }, mintToken);
    this.#seed = () => {
      seedDatabase(this.database, credentials);
      giveDevicesTokens(this.database, this.tokens);
    };
  }

  readonly #seed: () => void;

  /** A server whose database is filled; it is not running yet. */
  static async create(options: FaultServerOptions): Promise<FaultServer> {
    const server = new FaultServer(options);
    process.once("exit", server.#killer);
    const migrated = await runChild([LTY, "migrate"], 30_000, { cwd: server.folder, env: server.#environment() });
    if (migrated.exitCode !== 0) throw new Error(`lty migrate: ${migrated.stderr}`);
    server.#seed();
    return server;
  }

  /** As `create`, and started. */
  static async start(options: FaultServerOptions): Promise<FaultServer> {
    const server = await FaultServer.create(options);
    await server.serve();
    return server;
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
    const command = [...(this.options.prefix?.(this.folder) ?? []), LTY, "serve"];
    const child = startChild(command, { cwd: this.folder, env: this.#environment() });
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
    this.#pid = this.options.prefix === undefined ? child.pid : descendant(child.pid);
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

  /** Asks it to stop, and waits until it has. */
  async stop(): Promise<void> {
    if (this.#pid > 0) process.kill(this.#pid, "SIGTERM");
    await this.#child?.exited;
    this.#pid = 0;
  }

  /** Runs a command of the command line on its database. */
  async lty(...words: string[]): Promise<void> {
    const { exitCode, stderr } = await runChild([LTY, ...words], 30_000, {
      cwd: this.folder,
      env: this.#environment(),
    });
    if (exitCode !== 0) throw new Error(`lty ${words.join(" ")}: ${stderr}`);
  }

  /** Asks the API as the administrator. @throws Error unless it succeeds */
  async api<Data>(method: string, path: string, body?: object): Promise<Data> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.admin}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { data: Data };
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}`);
    return answer.data;
  }

  /** The files of the database that are there: itself, its log, its index. */
  databaseFiles(): string[] {
    return ["", "-wal", "-shm"].map((suffix) => `${this.database}${suffix}`).filter((file) => existsSync(file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off("exit", this.#killer);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A tracer that is killed lets its child run on: the child goes first, and the tracer with it. */
  #killAll(): void {
    if (this.#pid > 0) killNow(this.#pid);
    if (this.#child !== undefined && this.#child.exitCode === null) {
      for (let pid = this.#child.pid; pid > 0; pid = firstChild(pid)) killNow(pid);
    }
  }

  #environment(): Record<string, string> {
    return {
      ...inheritedEnvironment(),
      LTY_PORT: String(this.port),
      LTY_DATABASE_URL: `sqlite:${this.database}`,
      LTY_RATE_LIMIT_MESSAGES: "0",
      LTY_LOG_LEVEL: "warn",
      LTY_WEATHER_PROVIDER: "fixed",
      ...this.options.env,
    };
  }
}

function giveDevicesTokens(path: string, tokens: readonly string[]): void {
  using database = new Database(path);
  const add = database.prepare(
    "INSERT INTO token (prefix, hash, kind, device_id, created_at) VALUES (?, ?, 'device', ?, ?)",
  );
  const now = Date.now();
  database.transaction(() => {
    for (const [index, token] of tokens.entries()) add.run(tokenPrefix(token), hashToken(token), index + 1, now);
  })();
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
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
