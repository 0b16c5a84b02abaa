import pg from "pg";
import { toStoreFailure, untilSettled } from "./postgres-errors.ts";

/** How long a statement may take on the server, milliseconds. */
const STATEMENT_MS = 8_000;
/** How long we wait for its answer, milliseconds: longer, so that it is the server who gives up where it can. */
const ANSWER_MS = 10_000;
/** How long one waits for a connection, new or from the pool, milliseconds. */
const CONNECT_MS = 5_000;
const IDLE_MS = 30_000;
const INT8 = 20;

/** Connections of one kind of work: one kind never waits for another. */
export interface PoolOptions {
  readonly url: string;
  /** What the server shows in `pg_stat_activity`. */
  readonly name: string;
  /** Most connections. */
  readonly size: number;
}

/** A statement that is prepared once on each connection, under its name. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** Our numbers are ids, counts and milliseconds, all of them safe integers. */
const types = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === INT8 && format !== "binary" ? Number : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig;

/** How every connection of ours is set up. */
export function connectionConfig(url: string, name: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: `lty ${name}`,
    types,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    // A server learns within about 10 s that we are gone; a commit that was answered is on disk, whatever its default.
    options:
      "-c synchronous_commit=on -c tcp_keepalives_idle=4 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000",
  };
}

/**
 * A bounded pool. A connection that breaks is replaced at the next use; while the server is away every use is refused with
 * `UNAVAILABLE`.
 */
export class PostgresPool {
  readonly #pool: pg.Pool;

  constructor({ url, name, size }: PoolOptions) {
    this.#pool = new pg.Pool({ ...connectionConfig(url, name), max: size, idleTimeoutMillis: IDLE_MS });
    // A connection that breaks, idle or not: who uses it hears of it from what they asked, and who comes next gets another.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Runs a prepared statement, again where another transaction was in its way. @throws GatewayError `UNAVAILABLE` */
  async run<Row>(statement: Prepared, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await untilSettled(() => this.#once<Row>(statement, values));
    } catch (error) {
      throw toStoreFailure(error);
    }
  }

  /** As Kysely wants a connection: with the errors of this store, and dropped rather than reused after one that broke it. */
  async connect(): Promise<PooledConnection> {
    try {
      return new PooledConnection(await this.#pool.connect());
    } catch (error) {
      throw toStoreFailure(error);
    }
  }

  /** Waits for what is under way, and closes every connection. */
  async end(): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }

  async #once<Row>({ name, text }: Prepared, values: readonly unknown[]): Promise<Row[]> {
    const client = await this.#pool.connect();
    let broken: Error | boolean = true;
    try {
      const { rows } = await client.query({ name, text, values: values as unknown[] });
      broken = false;
      return rows as Row[];
    } catch (error) {
      broken = !isAnswered(error);
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

/** One connection of the pool, while somebody holds it. */
export class PooledConnection {
  #broken = false;

  constructor(private readonly client: pg.PoolClient) {}

  async query<Row>(text: string, values: readonly unknown[]): Promise<pg.QueryResult<Row & pg.QueryResultRow>> {
    try {
      return await this.client.query<Row & pg.QueryResultRow>(text, values as unknown[]);
    } catch (error) {
      if (!isAnswered(error)) this.#broken = true;
      throw toStoreFailure(error);
    }
  }

  release(): void {
    this.client.release(this.#broken);
  }
}

/** Whether the server itself said what is wrong: then the connection is as good as before. */
function isAnswered(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(57P0|08)/.test(error.code ?? "");
}

/** PostgreSQL's text holds every character but U+0000; a private one stands for it. */
export function withoutNul(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\u{F0000}") : text;
}
