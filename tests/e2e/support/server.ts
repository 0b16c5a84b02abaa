import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { type Call, type HttpAnswer, request } from "./client.ts";
import { cleanEnvironment, LTY, type Outcome, ROOT, run } from "./command.ts";
import { within } from "./wait.ts";

/** How long a server may take to start on a busy machine, milliseconds. */
const START_MS = 60_000;

const DATABASE = "lty.db";

type Settings = Readonly<Record<string, string>>;

/** Settings of every test server; a test says what it needs beside them. */
const QUIET: Settings = {
  LTY_WEATHER_PROVIDER: "fixed",
  // Tests of the rate set it again.
  LTY_RATE_LIMIT_MESSAGES: "0",
};

let databases = 0;

/** A new database on the server that `TEST_POSTGRES` names, for tests that are to hold there too. */
async function onPostgres(): Promise<string | undefined> {
  const { TEST_POSTGRES: server } = process.env;
  if (server === undefined) return undefined;
  const name = `e2e_${process.pid}_${++databases}`;
  await using sql = new SQL({ url: `${server}/postgres`, max: 1 });
  await sql.unsafe(`CREATE DATABASE ${name} TEMPLATE template0`);
  return `${server}/${name}`;
}

/** A server process with a database of its own, and the commands that manage it. */
export class TestServer implements AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  url = "";
  /** A token of the admin that was made before the start. */
  adminToken = "";
  adminId = 0;
  #child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;
  #output = "";
  readonly #killer = () => this.#child?.kill("SIGKILL");

  private constructor(
    readonly folder: string,
    readonly settings: Settings,
  ) {}

  /** Starts a server on a free port, beside an admin whose token it brings. */
  static async start(settings: Settings = {}): Promise<TestServer> {
    const folder = await mkdtemp(join(tmpdir(), "lty-e2e-"));
    const database = { LTY_DATABASE_URL: (await onPostgres()) ?? `sqlite:${join(folder, DATABASE)}` };
    const server = new TestServer(folder, { ...QUIET, ...database, ...settings });
    try {
      server.adminId = (
        JSON.parse(await server.lty("user", "create", "root", "--admin", "--json")) as { id: number }
      ).id;
      server.adminToken = await server.lty("token", "create", "--user", "root", "--quiet");
      await server.serve();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** `ws://127.0.0.1:<port>` */
  get wsUrl(): string {
    return this.url.replace("http", "ws");
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** The database's file. */
  get database(): string {
    return join(this.folder, DATABASE);
  }

  /** Everything the server printed so far, log included. */
  get output(): string {
    return this.#output;
  }

  /** Resolves to the exit code. */
  get exited(): Promise<number> {
    return this.#child?.exited ?? Promise.resolve(0);
  }

  /** Starts the process, on a free port unless one is given; again after it exited, on the same database. */
  async serve(port = 0): Promise<void> {
    const child = Bun.spawn([...LTY, "serve", "--port", String(port)], {
      cwd: ROOT,
      env: cleanEnvironment(this.settings),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#child = child;
    process.once("exit", this.#killer);
    const listening = Promise.withResolvers<string>();
    const start = this.#output.length;
    const read = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        this.#output += decoder.decode(chunk, { stream: true });
        const url = /http:\/\/[\d.]+:\d+/.exec(this.#output.slice(start))?.[0];
        if (url) listening.resolve(url);
      }
    };
    void read(child.stdout);
    void read(child.stderr);
    void child.exited.then((code) => listening.reject(new Error(`the server exited with ${code}:\n${this.#output}`)));
    this.url = await within(listening.promise, "the server's address", START_MS);
  }

  /** Runs a command of the command line on this server's database; answers what it printed. */
  async lty(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ltyOutcome(args);
    if (code !== 0) throw new Error(`lty ${args.join(" ")} exited with ${code}: ${stderr}`);
    return stdout.trim();
  }

  ltyOutcome(args: readonly string[], input = ""): Promise<Outcome> {
    return run([...LTY, ...args], this.settings, input);
  }

  /** Asks the API as the admin, or as whoever `call` names. */
  api(method: string, path: string, call: Call = {}): Promise<HttpAnswer> {
    return request(this.url, method, path, { token: this.adminToken, ...call });
  }

  /** As `api`, for a call that must succeed: its `data`. */
  async data<Data = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Data> {
    const { status, body: answer } = await this.api(method, path, body === undefined ? {} : { body });
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(answer)}`);
    return answer.data as Data;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends the process by `name`, and waits until it is gone. */
  async end(name: NodeJS.Signals): Promise<void> {
    this.signal(name);
    await within(this.exited, `the exit after ${name}`, START_MS);
  }

  /** Ends the process by `name`, and starts another on the same database. */
  async restart(name: NodeJS.Signals): Promise<void> {
    await this.end(name);
    await this.serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
    process.off("exit", this.#killer);
    await rm(this.folder, { recursive: true, force: true });
  }
}
