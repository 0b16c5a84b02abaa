import type { Database, Statement } from "bun:sqlite";
import type { Clock } from "../platform/clock.ts";
import {
  DEFAULT_CAPACITY,
  type EnqueueOutcome,
  type NewQueueEntry,
  type QueueEntry,
  type QueueSizes,
  type QueueStore,
} from "./queue-store.ts";
import type { SqliteWriter } from "./sqlite-writer.ts";

/** The queue in SQLite: reads at once on the caller's connection, writes through the writer. */
export class SqliteQueue implements QueueStore {
  #prepared: ReturnType<typeof prepare> | undefined;

  constructor(
    private readonly database: Database,
    private readonly writer: SqliteWriter,
    private readonly clock: Clock,
    private readonly capacity = DEFAULT_CAPACITY,
  ) {}

  /** Prepared when first needed: most commands never touch the queue. */
  get #sql(): ReturnType<typeof prepare> {
    this.#prepared ??= prepare(this.database);
    return this.#prepared;
  }

  enqueue(entries: readonly NewQueueEntry[]): Promise<readonly EnqueueOutcome[]> {
    return this.writer.call("enqueue", entries, this.capacity.waiting);
  }

  next(after: number, limit: number): QueueEntry[] {
    return this.#sql.next.all(after, limit) as QueueEntry[];
  }

  nextOf(userId: number, limit: number): QueueEntry[] {
    return this.#sql.nextOf.all(userId, limit) as QueueEntry[];
  }

  remove(ids: readonly number[]): Promise<void> {
    return this.writer.call("removeQueued", ids);
  }

  setAside(id: number, reason: string): Promise<void> {
    return this.writer.call("setAsideQueued", id, reason, this.clock.now(), this.capacity.setAside);
  }

  /** What other processes add is pushed at the next wake: nobody adds but the server. */
  watch(): void {}

  sizes(): QueueSizes {
    return this.#sql.sizes.get() as QueueSizes;
  }

  clear(): Promise<void> {
    return this.writer.call("clearQueue");
  }
}

function prepare(database: Database) {
  const statement = (sql: string): Statement => database.prepare(sql);
  const waiting = "SELECT id, user_id AS userId, frame FROM queue";
  return {
    next: statement(`${waiting} WHERE id > ? AND reason IS NULL ORDER BY id LIMIT ?`),
    nextOf: statement(`${waiting} WHERE user_id = ? AND reason IS NULL ORDER BY id LIMIT ?`),
    sizes: statement("SELECT waiting, set_aside AS setAside FROM queue_size"),
  };
}
