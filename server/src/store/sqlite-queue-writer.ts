import type { Database, Statement } from "bun:sqlite";
import type { Idempotency } from "./log-store.ts";
import { type EnqueueOutcome, type NewQueueEntry, QUEUE_KEY_MS } from "./queue-store.ts";

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
      return entries.map(({ userId, frame, createdAt, idempotency }): EnqueueOutcome => {
        const seen = idempotency === null ? null : this.#seen(idempotency, createdAt);
        if (seen !== null) return seen;
        if (this.#sql.user.get(userId) === null) return { kind: "no-user" };
        if (size >= capacity) return { kind: "full" };
        this.#sql.insert.run(userId, frame, createdAt);
        size += 1;
        if (idempotency !== null) {
          const { caller, key, fingerprint } = idempotency;
          this.#sql.insertKey.run(caller, key, fingerprint, size, createdAt);
        }
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

  /** What became of an entry under this key, or null where it is new; keys that are too old are forgotten first. */
  #seen({ caller, key, fingerprint }: Idempotency, now: number): EnqueueOutcome | null {
    this.#sql.deleteKeys.run(now - QUEUE_KEY_MS);
    const seen = this.#sql.key.get(caller, key) as { readonly fingerprint: string; readonly size: number } | null;
    if (seen === null) return null;
    return seen.fingerprint === fingerprint ? { kind: "duplicate", size: seen.size } : { kind: "conflict" };
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
    key: statement("SELECT fingerprint, size FROM queue_key WHERE caller = ? AND key = ?"),
    insertKey: statement("INSERT INTO queue_key(caller, key, fingerprint, size, created_at) VALUES (?, ?, ?, ?, ?)"),
    deleteKeys: statement("DELETE FROM queue_key WHERE created_at <= ?"),
    remove: statement("DELETE FROM queue WHERE id = ?"),
    setAside: statement("UPDATE queue SET reason = ?, failed_at = ? WHERE id = ? AND reason IS NULL"),
    trim: statement(
      `DELETE FROM queue WHERE reason IS NOT NULL AND id <= (
         SELECT id FROM queue WHERE reason IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?)`,
    ),
    clear: statement("DELETE FROM queue"),
  };
}
