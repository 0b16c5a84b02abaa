import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { describePostgresError } from "@qy-lty/server/store/postgres-errors.ts";
import { postgresName } from "@qy-lty/server/store/postgres-schema.ts";
import pg from "pg";
import { Failure, UsageError } from "../exit.ts";
import { quoted } from "./names.ts";

const CONNECT_MS = 10_000;

export type Row = Readonly<Record<string, unknown>>;

/** The database that is moved out of: read as it was at one moment, never written. */
export interface SourceDatabase extends AsyncDisposable {
  /** As a line may name it, without credentials. */
  readonly name: string;
  /** The first parameter of a statement. */
  readonly parameter: string;
  /** Column names of a table; empty where there is none. */
  columns(table: string): Promise<readonly string[]>;
  /** @throws Failure when the database does not answer, or a statement fails */
  rows(statement: string, parameters?: readonly (string | number)[]): Promise<readonly Row[]>;
  /** The newest id that a table has handed out, perhaps to a row that is gone; 0 where that is not known. */
  lastId(table: string, column: string): Promise<number>;
  /** SQL for the milliseconds since the epoch of a column, or for what `toMs` makes them of. */
  moment(column: string): string;
}

/** Opens `sqlite:PATH` or `postgres://…`. @throws UsageError, Failure */
export async function openSource(url: string): Promise<SourceDatabase> {
  if (/^sqlite:./.test(url)) return openSqlite(url.slice("sqlite:".length));
  if (/^postgres(ql)?:\/\/./.test(url) && URL.canParse(url)) return openPostgres(url);
  throw new UsageError("--from: expected sqlite:PATH or postgres://USER@HOST/DATABASE");
}

function openSqlite(path: string): SourceDatabase {
  if (!existsSync(path)) throw new UsageError(`--from: there is no file ${path}`);
  const name = `sqlite:${path}`;
  const attempt = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw new Failure(`${name}: ${error instanceof Error ? error.message : "cannot be read"}`);
    }
  };
  const database = attempt(() => {
    const opened = new Database(path, { readonly: true, strict: true });
    opened.run("PRAGMA busy_timeout = 5000");
    // Everything is read of one moment: what is written meanwhile comes with the next run.
    opened.run("BEGIN");
    opened.query("SELECT count(*) FROM sqlite_master").get();
    return opened;
  });
  return {
    name,
    parameter: "?1",
    columns: async (table) =>
      attempt(() =>
        database.query<{ name: string }, [string]>("SELECT name FROM pragma_table_info(?1)").all(table),
      ).map(({ name: column }) => column),
    rows: async (statement, parameters = []) =>
      attempt(() => database.query<Row, (string | number)[]>(statement).all(...parameters)),
    lastId: async (table) => {
      const counter = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'";
      if (attempt(() => database.query(counter).get()) === null) return 0;
      const statement = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
      return Number(attempt(() => database.query<{ seq: number }, [string]>(statement).get(table))?.seq ?? 0);
    },
    moment: quoted,
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

async function openPostgres(url: string): Promise<SourceDatabase> {
  const name = postgresName(url);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: "lty import-django",
  });
  // What it says also fails the statement that waits.
  client.on("error", () => {});
  const rows = async (statement: string, parameters: readonly (string | number)[] = []): Promise<readonly Row[]> => {
    try {
      return (await client.query<Row>(statement, [...parameters])).rows;
    } catch (error) {
      throw new Failure(`${name}: ${describePostgresError(error)}`);
    }
  };
  try {
    await client.connect();
  } catch (error) {
    throw new Failure(`${name}: ${describePostgresError(error)}`);
  }
  await rows("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  return {
    name,
    parameter: "$1",
    columns: async (table) =>
      (
        await rows(
          "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
          [quoted(table)],
        )
      ).map(({ attname }) => String(attname)),
    rows,
    lastId: async (table, column) => {
      const [found] = await rows(
        `SELECT coalesce(pg_sequence_last_value(ids), 0) AS last
         FROM (SELECT pg_get_serial_sequence($1, '${column}')::regclass AS ids) AS found WHERE ids IS NOT NULL`,
        [quoted(table)],
      );
      return Number(found?.last ?? 0);
    },
    moment: (column) => `floor(extract(epoch FROM ${quoted(column)}) * 1000)::float8`,
    [Symbol.asyncDispose]: () => client.end(),
  };
}
