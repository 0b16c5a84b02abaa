import { readdirSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { findProgram, type ServicePlace, ServiceProcess } from "./service-process.ts";

const VERSIONS = "/usr/lib/postgresql";
/** How long a connection may take to be gone once it was ended, milliseconds: until then it is waited for. */
const GONE_MS = 30_000;

const INITDB = ["-D", "data", "-U", "lty", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];

// The machine itself does not go down: what a killed server wrote is still there. Whoever reaches it may come in.
const SETTINGS =
  "echo 'fsync = off' >>data/postgresql.auto.conf && echo 'host all all samenet trust' >>data/pg_hba.conf";

/** Where Debian keeps the server's programs, the newest version first. */
function folders(): string[] {
  try {
    const versions = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(VERSIONS, version, "bin"));
  } catch {
    return [];
  }
}

/**
 * A PostgreSQL server of its own, in a temporary folder. It is gone when it is disposed of, or with the process.
 *
 * @example
 * await using postgres = await startPostgres();
 * const store = await PostgresStore.open(await postgres.createDatabase(), clock);
 */
export async function startPostgres(place?: ServicePlace): Promise<PostgresServer> {
  const at = folders();
  const [initdb, postgres] = [findProgram("initdb", at), findProgram("postgres", at)];
  const service = await ServiceProcess.start({
    name: "PostgreSQL",
    place,
    leftover: "pre-existing shared memory block",
    prepare: ["sh", "-c", `"$0" "$@" && ${SETTINGS}`, initdb, ...INITDB],
    command: (port, folder) => [
      ...[postgres, "-D", "data", "-p", String(port), "-h", place === undefined ? "127.0.0.1" : "*", "-k", folder],
      ...["-c", "max_connections=200"],
    ],
    answers: async (port) => {
      await using sql = connect(place?.host ?? "127.0.0.1", port, "postgres");
      await sql`SELECT 1`;
      return true;
    },
  });
  return new PostgresServer(service, at);
}

/** A running PostgreSQL server. */
export class PostgresServer implements AsyncDisposable {
  #databases = 0;

  constructor(
    readonly service: ServiceProcess,
    private readonly folders: readonly string[],
  ) {}

  /** The URL of one of its databases. */
  url(database: string): string {
    return `postgres://lty@${this.service.host}:${this.service.port}/${database}`;
  }

  /** Makes a database, empty or a copy of one that nobody uses; answers its URL. */
  async createDatabase(template = "template0"): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.run("postgres", `CREATE DATABASE ${name} TEMPLATE ${template}`);
    return this.url(name);
  }

  /** Copies a database that may be in use, as one does who restores a backup of it; answers the copy's URL. */
  async restore(url: string): Promise<string> {
    const copy = await this.createDatabase();
    const dump = Bun.spawn([findProgram("pg_dump", this.folders), url], { stderr: "pipe" });
    const load = Bun.spawn([findProgram("psql", this.folders), "-q", "-v", "ON_ERROR_STOP=1", copy], {
      ...{ stdin: dump.stdout, stdout: "ignore", stderr: "pipe" },
    });
    if ((await dump.exited) !== 0) throw new Error(await new Response(dump.stderr).text());
    if ((await load.exited) !== 0) throw new Error(await new Response(load.stderr).text());
    return copy;
  }

  /** Runs one statement beside everybody else; `database` is a name or a URL. */
  async run(database: string, statement: string): Promise<Record<string, unknown>[]> {
    const { host, port } = this.service;
    await using sql = connect(host, port, database.slice(database.lastIndexOf("/") + 1));
    return await sql.unsafe(statement);
  }

  /** Ends every connection to a database, as a server does that goes down. */
  async cutAll(database: string): Promise<void> {
    await this.run(
      "postgres",
      `SELECT pg_terminate_backend(pid, ${GONE_MS}) FROM pg_stat_activity
       WHERE datname = '${database.slice(database.lastIndexOf("/") + 1)}' AND pid <> pg_backend_pid()`,
    );
  }

  /** Drops a database, whoever uses it. */
  async drop(url: string): Promise<void> {
    await this.run("postgres", `DROP DATABASE ${url.slice(url.lastIndexOf("/") + 1)} WITH (FORCE)`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
  }
}

function connect(host: string, port: number, database: string): SQL {
  return new SQL({ url: `postgres://lty@${host}:${port}/${database}`, max: 1, idleTimeout: 1, connectionTimeout: 5 });
}
