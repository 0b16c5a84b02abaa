import { Kysely, PostgresDialect, type PostgresPoolClient } from "kysely";
import pg from "pg";
import { migrate, pendingMigrations } from "./migrate.ts";
import { postgresMigrations } from "./migrations/postgres/index.ts";
import { describePostgresError } from "./postgres-errors.ts";
import { connectionConfig, PostgresPool } from "./postgres-pool.ts";
import { StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";

/** The oldest server that we run on. */
const OLDEST_VERSION = 14;
/** Who migrates holds this lock; "lty0". */
const MIGRATION_LOCK = 0x6c747930;
const VERSION = { name: "version", text: "SHOW server_version_num" };

/** A database as lines for people name it: where it is, and nothing of who asks. */
export function postgresName(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `postgres://${host}${pathname}`;
  } catch {
    return "postgres";
  }
}

/** Typed queries on a pool. */
export function kyselyOn(pool: PostgresPool): Kysely<Tables> {
  // Our connections stream nothing: of what Kysely knows of them, they lack the cursor.
  const connect = () => pool.connect() as Promise<unknown> as Promise<PostgresPoolClient>;
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: { options: {}, connect, end: () => pool.end() } }),
  });
}

/**
 * Brings a database to this program's schema. Of two processes that come at once the second waits, and finds nothing to do.
 * @throws StoreError when it cannot be reached, refuses us, is too old, or was made by a newer program
 */
export function migratePostgres(url: string): Promise<void> {
  return onDatabase(url, async (kysely) => {
    if ((await pendingMigrations(kysely, postgresMigrations)) === 0) return;
    const turn = new pg.Client({ ...connectionConfig(url, "migration"), statement_timeout: 0, query_timeout: 0 });
    turn.on("error", () => {});
    await turn.connect();
    try {
      await turn.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
      await migrate(kysely, postgresMigrations, describePostgresError);
    } finally {
      await turn.end();
    }
  });
}

/** Looks at a database, and how many migrations it lacks. It only reads. @throws StoreError as `migratePostgres` */
export function inspectDatabase<Found>(
  url: string,
  look: (pool: PostgresPool, pendingMigrations: number) => Promise<Found>,
): Promise<Found> {
  return onDatabase(url, async (kysely, pool) => look(pool, await pendingMigrations(kysely, postgresMigrations)));
}

async function onDatabase<Result>(
  url: string,
  work: (kysely: Kysely<Tables>, pool: PostgresPool) => Promise<Result>,
): Promise<Result> {
  const pool = new PostgresPool({ url, name: "schema", size: 2 });
  try {
    const [row] = await pool.run<{ server_version_num: string }>(VERSION);
    const version = Math.floor(Number(row?.server_version_num) / 10_000);
    if (version < OLDEST_VERSION) throw new StoreError(`PostgreSQL ${version} is too old; it takes ${OLDEST_VERSION}`);
    return await work(kyselyOn(pool), pool);
  } catch (error) {
    if (error instanceof StoreError) {
      throw new StoreError(`${postgresName(url)}: ${error.message}`, { cause: error.cause });
    }
    throw new StoreError(`${postgresName(url)}: ${describePostgresError(error)}`, { cause: error });
  } finally {
    await pool.end();
  }
}
