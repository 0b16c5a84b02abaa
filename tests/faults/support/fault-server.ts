import { Database } from "bun:sqlite";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hashToken, mintToken, tokenPrefix } from "@qy-lty/server/platform/ids.ts";
import { mintCredentials, seedDatabase } from "../../../bench/src/seed.ts";
import { inheritedEnvironment, runChild, temporaryFolder } from "../../../bench/src/workspace.ts";
import { LTY, ServerProcess } from "./server-process.ts";

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
  readonly #process: ServerProcess;

  private constructor(private readonly options: FaultServerOptions) {
    const prefix = options.prefix?.(this.folder);
    this.#process = new ServerProcess({
      cwd: this.folder,
      environment: (port) => this.#environment(port),
      ...(prefix !== undefined && { prefix }),
    });
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

  /** 0 before it was first started. */
  get port(): number {
    return this.#process.port;
  }

  /** The server's own process, also where a tracer started it; 0 while there is none. */
  get pid(): number {
    return this.#process.pid;
  }

  /** What it logged, of every life it had. */
  get log(): string {
    return this.#process.log;
  }

  /** Starts the process and resolves when it listens. */
  serve(): Promise<void> {
    return this.#process.serve();
  }

  /** Starts it without waiting; for kills in the middle of a start. */
  killWhileStarting(afterMs: number): Promise<void> {
    return this.#process.killWhileStarting(afterMs);
  }

  /** `kill -9`. Resolves when it is gone. */
  kill(): Promise<void> {
    return this.#process.kill();
  }

  /** Asks it to stop, and waits until it has. */
  async stop(): Promise<void> {
    await this.#process.stop();
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
    await this.#process[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #environment(port = this.port): Record<string, string> {
    return {
      ...inheritedEnvironment(),
      LTY_PORT: String(port),
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
