import { Database, type SQLQueryBindings } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Kysely, SqliteDialect } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { CREDENTIAL_BY_HASH, CREDENTIAL_BY_ID, type CredentialRow, toCredentialRecord } from "./credentials.ts";
import { Devices } from "./devices.ts";
import { migrate, needsMigration } from "./migrate.ts";
import { Services } from "./services.ts";
import { type AuthorityChange, type AuthorityChanges, type CredentialReader, type Store, StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";

const CHANGES_KEPT = 10_000;
const CHANGES_A_READ = 1_000;
/** How long a writer waits for another process's transaction, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/** The embedded store: one file, durable at every commit (`synchronous=FULL`), safe beside other processes of ours. */
export class SqliteStore implements Store {
  readonly credentials: CredentialReader;
  readonly changes: AuthorityChanges;
  readonly users: Users;
  readonly devices: Devices;
  readonly services: Services;
  readonly tokens: Tokens;
  readonly #database: Database;
  readonly #kysely: Kysely<Tables>;

  /**
   * Opens `url` (`sqlite:PATH`), creating file and folder where they are not there, and migrates it.
   * @throws StoreError when the file is no database of ours, is newer than this program, or cannot be opened
   */
  static async open(url: string, clock: Clock): Promise<SqliteStore> {
    const path = url.slice("sqlite:".length);
    let database: Database | undefined;
    try {
      if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
      database = new Database(path, { create: true, readwrite: true, strict: true });
      database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      await switchToWal(database);
      database.run("PRAGMA synchronous = FULL");
      database.run("PRAGMA foreign_keys = ON");
      const kysely = new Kysely<Tables>({ dialect: new SqliteDialect({ database: forKysely(database) }) });
      if (await needsMigration(kysely)) await inOneTransaction(database, () => migrate(kysely));
      return new SqliteStore(database, kysely, clock);
    } catch (error) {
      database?.close();
      if (error instanceof StoreError) throw new StoreError(`${path}: ${error.message}`, { cause: error.cause });
      throw new StoreError(`${path}: ${describe(error)}`, { cause: error });
    }
  }

  private constructor(database: Database, kysely: Kysely<Tables>, clock: Clock) {
    this.#database = database;
    this.#kysely = kysely;
    this.users = new Users(kysely, clock);
    this.devices = new Devices(kysely, clock);
    this.services = new Services(kysely, clock);
    this.tokens = new Tokens(kysely, clock);
    this.credentials = sqliteCredentials(database);
    this.changes = sqliteChanges(database, kysely);
  }

  async check(): Promise<void> {
    try {
      this.#database.query("SELECT 1").get();
    } catch (error) {
      throw new StoreError("the database does not answer", { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#kysely.destroy();
  }
}

/** Of two processes that switch a new file at once SQLite turns one away without letting it wait: it could wait for ever. */
async function switchToWal(database: Database): Promise<void> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!codeOf(error).startsWith("SQLITE_BUSY") || performance.now() > deadline) throw error;
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

function sqliteCredentials(database: Database): CredentialReader {
  const byHash = database.query<CredentialRow, [string]>(CREDENTIAL_BY_HASH);
  const byId = database.query<CredentialRow, [number]>(CREDENTIAL_BY_ID);
  return {
    findByHash: (hash) => toCredentialRecord(byHash.get(hash)),
    findById: (tokenId) => toCredentialRecord(byId.get(tokenId)),
  };
}

function sqliteChanges(database: Database, kysely: Kysely<Tables>): AuthorityChanges {
  const latest = database.query<{ seq: number | null }, []>("SELECT max(seq) AS seq FROM authority_change");
  const after = database.query<AuthorityChange, [number, number]>(
    "SELECT * FROM authority_change WHERE seq > ? ORDER BY seq LIMIT ?",
  );
  const prune = database.query("DELETE FROM authority_change WHERE seq <= (SELECT max(seq) FROM authority_change) - ?");
  // On this connection a transaction shows what it may yet take back, and a number taken back is given again: wait for it.
  const betweenTransactions = <Result>(work: () => Result) => kysely.connection().execute(async () => work());
  return {
    latest: () => betweenTransactions(() => latest.get()?.seq ?? 0),
    after: (seq) => betweenTransactions(() => after.all(seq, CHANGES_A_READ)),
    prune: () => betweenTransactions(() => void prune.run(CHANGES_KEPT)),
  };
}

type KyselyDatabase = Extract<ConstructorParameters<typeof SqliteDialect>[0]["database"], object>;

/** Kysely's dialect speaks better-sqlite3; bun:sqlite differs in how parameters are passed and a reading statement is told. */
function forKysely(database: Database): KyselyDatabase {
  return {
    close: () => database.close(),
    prepare: (sql: string) => {
      // A transaction that reads before it writes is turned away when another process wrote in between, unless it began so.
      const statement = database.query<unknown, SQLQueryBindings[]>(sql === "begin" ? "begin immediate" : sql);
      const bind = (parameters: readonly unknown[]) => parameters as SQLQueryBindings[];
      return {
        reader: statement.columnNames.length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...bind(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...bind(parameters)),
        iterate: (parameters: readonly unknown[]) => statement.iterate(...bind(parameters)),
      };
    },
  } as KyselyDatabase;
}

function describe(error: unknown): string {
  const code = codeOf(error);
  if (code.startsWith("SQLITE_NOTADB")) return "is not a SQLite database";
  if (code.startsWith("SQLITE_CORRUPT")) return "is damaged; restore a backup";
  if (code.startsWith("SQLITE_CANTOPEN") || ["EACCES", "EEXIST", "ENOTDIR", "EROFS"].includes(code))
    return "cannot be opened or created";
  if (code.startsWith("SQLITE_READONLY")) return "is not writable";
  if (code.startsWith("SQLITE_BUSY")) return "is locked by another program";
  if (code.startsWith("SQLITE_FULL") || code === "ENOSPC") return "the disk is full";
  return error instanceof Error ? error.message : "cannot be used";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
