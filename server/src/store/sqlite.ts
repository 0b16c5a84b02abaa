import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Kysely } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { Audit } from "./audit.ts";
import { Devices } from "./devices.ts";
import { advanceSqliteIds, Imports } from "./imports.ts";
import { DEFAULT_QUOTA, type LogStore, type Quota } from "./log-store.ts";
import { migrate, pendingMigrations } from "./migrate.ts";
import type { QueueStore } from "./queue-store.ts";
import { Services } from "./services.ts";
import { sqliteChanges, sqliteCredentials } from "./sqlite-authority.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { describeSqliteError, sqliteCode } from "./sqlite-errors.ts";
import { SqliteLog } from "./sqlite-log.ts";
import { SqliteQueue } from "./sqlite-queue.ts";
import { configure, InlineWriter, type SqliteWriter, ThreadWriter } from "./sqlite-writer.ts";
import { type AuthorityChanges, type CredentialReader, type Store, StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";

const IN_MEMORY = ":memory:";
/** How long the first opening of a file waits for another's, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

export interface SqliteOptions {
  /** Writes on a thread of their own, as a server wants it; a command that comes and goes does without. */
  readonly threaded?: boolean;
  readonly quota?: Quota;
}

/** The embedded store: one file, durable at every commit (`synchronous=FULL`), safe beside other processes of ours. */
export class SqliteStore implements Store {
  readonly credentials: CredentialReader;
  readonly changes: AuthorityChanges;
  readonly users: Users;
  readonly devices: Devices;
  readonly services: Services;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly imports: Imports;
  readonly shared = null;
  readonly log: LogStore;
  readonly queue: QueueStore;
  readonly #database: Database;
  readonly #writer: SqliteWriter;

  /**
   * Opens `url` (`sqlite:PATH`), creating file and folder where they are not there, and migrates it.
   * @throws StoreError when the file is no database of ours, is newer than this program, or cannot be opened
   */
  static async open(url: string, clock: Clock, options: SqliteOptions = {}): Promise<SqliteStore> {
    const path = url.slice("sqlite:".length);
    let database: Database | undefined;
    try {
      if (path !== IN_MEMORY) mkdirSync(dirname(path), { recursive: true });
      database = new Database(path, { create: true, readwrite: true, strict: true });
      await openWal(database);
      configure(database);
      // What it may not write SQLite opens all the same, to be read; this is refused then, and waits for no other writer.
      checkpoint(database);
      await bringUpToDate(database);
      return new SqliteStore(database, path, clock, options);
    } catch (error) {
      database?.close();
      if (error instanceof StoreError) throw new StoreError(`${path}: ${error.message}`, { cause: error.cause });
      throw new StoreError(`${path}: ${describeSqliteError(error)}`, { cause: error });
    }
  }

  private constructor(database: Database, path: string, clock: Clock, options: SqliteOptions) {
    const quota = options.quota ?? DEFAULT_QUOTA;
    this.#database = database;
    // A database in memory is seen by the connection that made it alone.
    this.#writer =
      options.threaded && path !== IN_MEMORY
        ? new ThreadWriter(resolve(path), quota)
        : new InlineWriter(database, quota);
    const kysely = new Kysely<Tables>({ dialect: sqliteDialect(database, this.#writer) });
    this.users = new Users(kysely, clock);
    this.devices = new Devices(kysely, clock);
    this.services = new Services(kysely, clock);
    this.tokens = new Tokens(kysely, clock);
    this.audit = new Audit(kysely, clock);
    this.imports = new Imports(kysely, () => clock.now(), advanceSqliteIds);
    this.log = new SqliteLog(database, this.#writer, clock);
    this.queue = new SqliteQueue(database, this.#writer, clock);
    this.credentials = sqliteCredentials(database);
    this.changes = sqliteChanges(database, this.#writer);
  }

  async check(): Promise<void> {
    try {
      this.#database.query("SELECT 1").get();
      await this.#writer.call("query", "SELECT 1", []);
    } catch (error) {
      throw new StoreError("the database does not answer", { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#writer.close();
    try {
      // SQLite itself does this only when nothing at all is left open, a statement neither: the file alone is then enough.
      checkpoint(this.#database);
    } finally {
      this.#database.close();
    }
  }
}

/** Copies what has been committed into the file itself. */
function checkpoint(database: Database): void {
  database.run("PRAGMA wal_checkpoint(PASSIVE)");
}

async function bringUpToDate(database: Database): Promise<void> {
  const writer = new InlineWriter(database, DEFAULT_QUOTA);
  const kysely = new Kysely<Tables>({ dialect: sqliteDialect(database, writer) });
  if ((await pendingMigrations(kysely)) > 0) await inOneTransaction(database, () => migrate(kysely));
}

/** Of two processes that switch a new file at once SQLite turns one away without letting it wait: it could wait for ever. */
async function openWal(database: Database): Promise<void> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!sqliteCode(error).startsWith("SQLITE_BUSY") || performance.now() > deadline) throw error;
      await Bun.sleep(20);
    }
  }
}

/**
 * Kysely migrates SQLite statement by statement, though SQLite could do better: nothing may stay of a migration that fails
 * or is killed, and two processes that open a new file must take turns.
 */
async function inOneTransaction(database: Database, work: () => Promise<unknown>): Promise<void> {
  database.run("BEGIN IMMEDIATE");
  try {
    await work();
    database.run("COMMIT");
  } catch (error) {
    // A full disk, for one, has rolled back already.
    if (database.inTransaction) database.run("ROLLBACK");
    throw error;
  }
}
