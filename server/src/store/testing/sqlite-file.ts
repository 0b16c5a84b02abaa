import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kysely } from "kysely";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { up as makeLog } from "../migrations/0002-log.ts";
import { migrations } from "../migrations/index.ts";
import { SqliteStore } from "../sqlite.ts";
import { sqliteDialect } from "../sqlite-dialect.ts";
import { configure, type SqliteWriter } from "../sqlite-writer.ts";

/** A database of ours in a folder of its own, with users 1 to 3 and devices 11 and 12, which nobody owns. */
export class SqliteFile implements Disposable {
  readonly path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "qy-lty-log-"));
  readonly #open: Database[] = [];

  private constructor() {
    this.path = join(this.#folder, "test.db");
  }

  static async make(): Promise<SqliteFile> {
    const file = new SqliteFile();
    const store = await SqliteStore.open(`sqlite:${file.path}`, new ManualClock());
    await store.close();
    const database = file.connect();
    if (!("0002-log" in migrations)) await makeLog(new Kysely({ dialect: sqliteDialect(database, plainly(database)) }));
    for (const id of [1, 2, 3])
      database.run("INSERT INTO user(id, username, created_at) VALUES (?, ?, 0)", [id, `u${id}`]);
    for (const id of [11, 12]) database.run("INSERT INTO device(id, name, created_at) VALUES (?, 'd', 0)", [id]);
    return file;
  }

  /** A connection, set up as all of ours, that is closed at the end. */
  connect(): Database {
    const database = new Database(this.path, { readwrite: true, strict: true });
    configure(database);
    this.#open.push(database);
    return database;
  }

  bind(deviceId: number, userId: number | null): void {
    this.#open[0]?.run("UPDATE device SET user_id = ? WHERE id = ?", [userId, deviceId]);
  }

  [Symbol.dispose](): void {
    for (const database of this.#open) database.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Runs statements as they come: the writer wants tables that are not there yet. */
function plainly(database: Database): SqliteWriter {
  const call = async (_name: string, sql: unknown) => {
    database.run(String(sql));
    return { rows: [], changes: 0, lastInsertRowid: 0 };
  };
  return { call: call as SqliteWriter["call"], close: async () => {} };
}
