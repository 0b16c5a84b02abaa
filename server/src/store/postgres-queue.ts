import type { Clock } from "../platform/clock.ts";
import { InTurn } from "./in-turn.ts";
import type { PostgresNode } from "./postgres-node.ts";
import { type PostgresPool, withoutNul } from "./postgres-pool.ts";
import {
  DEFAULT_CAPACITY,
  type EnqueueOutcome,
  type NewQueueEntry,
  QUEUE_KEY_MS,
  type QueueEntry,
  type QueueSizes,
  type QueueStore,
} from "./queue-store.ts";

const WAITING = 'SELECT id, user_id AS "userId", frame FROM queue';
/** Of the nodes that serve, the one that came first pushes. */
const MINE = "($3::bigint = 0 OR $3 = (SELECT min(node.id) FROM node))";
const SQL = {
  enqueue: { name: "queue_enqueue", text: "SELECT * FROM queue_enqueue($1, $2, $3, $4, $5, $6, $7, $8)" },
  next: { name: "queue_next", text: `${WAITING} WHERE id > $1 AND reason IS NULL AND ${MINE} ORDER BY id LIMIT $2` },
  nextOf: {
    name: "queue_next_of",
    text: `${WAITING} WHERE user_id = $1 AND reason IS NULL AND ${MINE} ORDER BY id LIMIT $2`,
  },
  remove: { name: "queue_remove", text: "SELECT queue_remove($1)" },
  setAside: { name: "queue_set_aside", text: "SELECT queue_set_aside($1, $2, $3, $4)" },
  sizes: { name: "queue_sizes", text: 'SELECT waiting, set_aside AS "setAside" FROM queue_size' },
  clear: { name: "queue_clear", text: "SELECT queue_clear()" },
};

interface OutcomeRow {
  readonly out_kind: EnqueueOutcome["kind"];
  readonly out_size: number;
}

/** The queue in PostgreSQL. */
export class PostgresQueue implements QueueStore {
  readonly #enqueues = new InTurn();

  constructor(
    private readonly pool: PostgresPool,
    private readonly clock: Clock,
    private readonly capacity = DEFAULT_CAPACITY,
    /** The node that pushes what waits, if it is its turn; absent: whoever asks. */
    private readonly node?: PostgresNode,
  ) {}

  /** One batch after another, so that who asked first comes first. */
  enqueue(entries: readonly NewQueueEntry[]): Promise<readonly EnqueueOutcome[]> {
    return this.#enqueues.run(() => this.#enqueue(entries));
  }

  async #enqueue(entries: readonly NewQueueEntry[]): Promise<readonly EnqueueOutcome[]> {
    const columns = [
      entries.map(({ userId }) => userId),
      entries.map(({ frame }) => frame),
      entries.map(({ createdAt }) => createdAt),
      entries.map(({ idempotency }) => idempotency?.caller ?? null),
      entries.map(({ idempotency }) => idempotency && withoutNul(idempotency.key)),
      entries.map(({ idempotency }) => idempotency?.fingerprint ?? null),
    ];
    const rows = await this.pool.run<OutcomeRow>(SQL.enqueue, [...columns, this.capacity.waiting, QUEUE_KEY_MS]);
    return rows.map(({ out_kind: kind, out_size: size }) =>
      kind === "queued" || kind === "duplicate" ? { kind, size } : { kind },
    );
  }

  next(after: number, limit: number): Promise<readonly QueueEntry[]> {
    return this.pool.run<QueueEntry>(SQL.next, [after, limit, this.node?.id ?? 0]);
  }

  nextOf(userId: number, limit: number): Promise<readonly QueueEntry[]> {
    return this.pool.run<QueueEntry>(SQL.nextOf, [userId, limit, this.node?.id ?? 0]);
  }

  async remove(ids: readonly number[]): Promise<void> {
    await this.pool.run(SQL.remove, [ids]);
  }

  async setAside(id: number, reason: string): Promise<void> {
    await this.pool.run(SQL.setAside, [id, reason, this.clock.now(), this.capacity.setAside]);
  }

  watch(listener: () => void): void {
    this.node?.onQueue(listener);
  }

  async sizes(): Promise<QueueSizes> {
    const [sizes] = await this.pool.run<QueueSizes>(SQL.sizes);
    return sizes ?? { waiting: 0, setAside: 0 };
  }

  async clear(): Promise<void> {
    await this.pool.run(SQL.clear);
  }
}
