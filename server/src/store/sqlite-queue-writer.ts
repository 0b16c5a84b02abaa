import type { Database, Statement } from "bun:sqlite";
import type { EnqueueOutcome, NewQueueEntry } from "./queue-store.ts";

/** Everything that writes the queue in SQLite, by statements prepared once. Runs beside the sockets, in the writer's thread. */
export class SqliteQueueWriter {
  #prepared: ReturnType<typeof prepare> | undefined;

  constructor(private readonly database: Database) {}

  /** Prepared when first needed: the tables may still be in the making, and most commands never touch the queue. */
  get #sql(): ReturnType<typeof prepare> {
    this.#prepared ??= prepare(this.database);
    return this.#prepared;
  }

  /** Takes a batch in one transaction; it is on disk when this returns. @throws SQLiteError, and then none was taken */
  enqueue(entries: readonly NewQueueEntry[], capacity: number): EnqueueOutcome[] {
    return this.#transaction(() => {
      let size = this.#size();
      return entries.map(({ userId, frame, createdAt }): EnqueueOutcome => {
        if (this.#sql.user.get(userId) === null) return { kind: "no-user" };
        if (size >= capacity) return { kind: "full" };
        this.#sql.insert.run(userId, frame, createdAt);
        size += 1;
        return { kind: "queued", size };
      });
    });
  }

  remove(ids: readonly number[]): void {
    this.#transaction(() => {
      for (const id of ids) this.#sql.remove.run(id);
    });
  }

  /** @param now milliseconds since the epoch @param kept how many stay, of all that were set aside */
  setAside(id: number, reason: string, now: number, kept: number): void {
    this.#transaction(() => {
      this.#sql.setAside.run(reason, now, id);
      this.#sql.trim.run(kept);
    });
  }

  clear(): void {
    this.#transaction(() => this.#sql.clear.run());
  }

  #size(): number {
    return (this.#sql.size.get() as { waiting: number }).waiting;
  }

  #transaction<Result>(work: () => Result): Result {
    return this.database.transaction(work).immediate();
  }
}

function prepare(database: Database) {
  const statement = (sql: string): Statement => database.prepare(sql);
  return {
    user: statement("SELECT 1 FROM user WHERE id = ?"),
    size: statement("SELECT waiting FROM queue_size"),
    insert: statement("INSERT INTO queue(user_id, frame, created_at) VALUES (?, ?, ?)"),
    remove: statement("DELETE FROM queue WHERE id = ?"),
    setAside: statement("UPDATE queue SET reason = ?, failed_at = ? WHERE id = ? AND reason IS NULL"),
    trim: statement(
      `DELETE FROM queue WHERE reason IS NOT NULL AND id <= (
         SELECT id FROM queue WHERE reason IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?)`,
    ),
    clear: statement("DELETE FROM queue"),
  };
}
