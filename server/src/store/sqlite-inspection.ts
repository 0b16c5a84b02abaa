import { Database } from "bun:sqlite";
import { Kysely } from "kysely";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { pendingMigrations } from "./migrate.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { describeSqliteError } from "./sqlite-errors.ts";
import { InlineWriter } from "./sqlite-writer.ts";
import { StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";

/** What a look at a database file finds. */
export interface SqliteInspection {
  /** How many migrations of this program it does not hold yet. */
  readonly pendingMigrations: number;
  /** What is wrong with its structure; null where nothing is. */
  readonly problem: string | null;
}

/**
 * Looks at a database without changing it: structure (`quick_check`), schema, and whether a write would be taken.
 * @throws StoreError when it cannot be opened, read or written, or was made by a newer program
 */
export async function inspectSqlite(path: string): Promise<SqliteInspection> {
  return look(path, async (database) => {
    const [found] = database.query("PRAGMA quick_check(1)").values().flat();
    if (found !== "ok") return { pendingMigrations: 0, problem: String(found) };
    // Takes the lock and writes a page, and takes it back.
    database.run("BEGIN IMMEDIATE");
    database.run("CREATE TABLE lty_doctor (n INTEGER)");
    database.run("ROLLBACK");
    const kysely = new Kysely<Tables>({ dialect: sqliteDialect(database, new InlineWriter(database, DEFAULT_QUOTA)) });
    return { pendingMigrations: await pendingMigrations(kysely), problem: null };
  });
}

/** The newest moment that stands in a database, milliseconds since the epoch; null where nothing does, or it cannot be read. */
export function newestMoment(path: string): number | null {
  try {
    using database = new Database(path, { readwrite: true, strict: true });
    database.run("PRAGMA busy_timeout = 5000");
    const [newest] = database
      .query(
        `SELECT max(at) FROM (
           SELECT max(created_at) AS at FROM user
           UNION ALL SELECT max(created_at, coalesce(last_used_at, 0)) FROM token
           UNION ALL SELECT max(created_at, coalesce(last_seen, 0)) FROM device)`,
      )
      .values()
      .flat();
    return typeof newest === "number" ? newest : null;
  } catch {
    // What is wrong with it, `inspectSqlite` tells.
    return null;
  }
}

async function look<Found>(path: string, work: (database: Database) => Promise<Found>): Promise<Found> {
  let database: Database | undefined;
  try {
    database = new Database(path, { readwrite: true, strict: true });
    database.run("PRAGMA busy_timeout = 5000");
    return await work(database);
  } catch (error) {
    if (error instanceof StoreError) throw new StoreError(`${path}: ${error.message}`, { cause: error });
    throw new StoreError(`${path}: ${describeSqliteError(error)}`, { cause: error });
  } finally {
    database?.close();
  }
}
