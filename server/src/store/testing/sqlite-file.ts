import { Database } from "bun:sqlite";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SystemClock } from "../../platform/clock.ts";
import { SqliteStore } from "../sqlite.ts";
import { FACT_BACKUP } from "../sqlite-log-writer.ts";
import { configure } from "../sqlite-writer.ts";

/** A new database, made once: what migrations do is not what is tested with it. */
let template: Buffer | undefined;

/** A database of ours in a folder of its own, with users 1 to 3 and devices 11 and 12, which nobody owns. */
export class SqliteFile implements Disposable {
  path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "qy-lty-log-"));
  readonly #open: Database[] = [];
  #copies = 0;

  private constructor() {
    this.path = join(this.#folder, "test.db");
  }

  static async make(): Promise<SqliteFile> {
    const file = new SqliteFile();
    template ??= await makeTemplate(file.path);
    writeFileSync(file.path, template);
    return file;
  }

  /** A connection, set up as all of ours, that is closed at the end. */
  connect(path = this.path): Database {
    const database = new Database(path, { readwrite: true, strict: true });
    configure(database);
    this.#open.push(database);
    return database;
  }

  /** The path of a copy of it; a backup knows that it is one. */
  copy(as: "copy" | "backup"): string {
    const path = join(this.#folder, `copy-${++this.#copies}.db`);
    const database = new Database(this.path, { readwrite: true });
    database.run("PRAGMA synchronous = OFF");
    database.run("VACUUM INTO ?", [path]);
    database.close();
    if (as === "copy") return path;
    const copy = new Database(path, { readwrite: true });
    copy.run("PRAGMA synchronous = OFF");
    copy.run("INSERT INTO fact(name, value) VALUES (?, '')", [FACT_BACKUP]);
    copy.close();
    return path;
  }

  /** Puts a copy in its place, and ends every connection. The file is a new one: SQLite tells files apart by their inode. */
  restore(copy: string): void {
    this.disconnect();
    this.path = join(this.#folder, `restored-${++this.#copies}.db`);
    copyFileSync(copy, this.path);
  }

  bind(deviceId: number, userId: number | null): void {
    using database = new Database(this.path, { readwrite: true });
    database.run("PRAGMA busy_timeout = 5000");
    database.run("PRAGMA synchronous = OFF");
    database.run("UPDATE device SET user_id = ? WHERE id = ?", [userId, deviceId]);
  }

  /** Devices that nobody owns, where they are not there yet. */
  add(...deviceIds: readonly number[]): void {
    using database = new Database(this.path, { readwrite: true });
    for (const id of deviceIds) {
      database.run("INSERT OR IGNORE INTO device(id, name, created_at) VALUES (?, 'd', 0)", [id]);
    }
  }

  /** Ends every connection, as the end of the process does. */
  disconnect(): void {
    for (const database of this.#open.splice(0)) database.close();
  }

  [Symbol.dispose](): void {
    this.disconnect();
    rmSync(this.#folder, { recursive: true });
  }
}

async function makeTemplate(path: string): Promise<Buffer> {
  const store = await SqliteStore.open(`sqlite:${path}`, new SystemClock());
  await store.close();
  const database = new Database(path);
  for (const id of [1, 2, 3]) {
    database.run("INSERT INTO user(id, username, created_at) VALUES (?, ?, 0)", [id, `u${id}`]);
  }
  for (const id of [11, 12]) database.run("INSERT INTO device(id, name, created_at) VALUES (?, 'd', 0)", [id]);
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  return readFileSync(path);
}
