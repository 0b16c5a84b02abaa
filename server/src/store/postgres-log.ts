import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import { InTurn } from "./in-turn.ts";
import {
  type AcceptOutcome,
  type ConsumerProgress,
  type Cursor,
  type CursorKey,
  type CursorUpdate,
  DEFAULT_QUOTA,
  firstEpoch,
  type LogStore,
  MAX_APPS,
  type MessageRecord,
  type NewMessage,
  type Quota,
  type RetentionReport,
  type RetentionRules,
  type StoredMessage,
  type StreamPosition,
} from "./log-store.ts";
import { LOG_SQL as SQL } from "./postgres-log-sql.ts";
import type { NodeLock } from "./postgres-node.ts";
import { type PostgresPool, withoutNul } from "./postgres-pool.ts";

/** Streams whose settled messages are deleted in one transaction. */
const DUE_STREAMS = 200;

interface OutcomeRow {
  readonly out_kind: AcceptOutcome["kind"];
  readonly out_seq: number | null;
  readonly out_message_id: string;
  readonly out_created_at: number;
}

interface CursorRow {
  readonly epoch: string;
  readonly acked: number;
  readonly sent: number;
  readonly attempts: number;
}

/** What a log in PostgreSQL is made of. */
export interface PostgresLogOptions {
  /** Connections that read; a thousand readers never keep a writer waiting. */
  readonly reads: PostgresPool;
  readonly writes: PostgresPool;
  /** Shows the other nodes that this one lives. */
  readonly node: NodeLock;
  readonly clock: Clock;
  readonly quota?: Quota;
}

/** The log in PostgreSQL, shared by every node: each write is one statement, and so one transaction of one round trip. */
export class PostgresLog implements LogStore {
  readonly #reads: PostgresPool;
  readonly #writes: PostgresPool;
  readonly #node: NodeLock;
  readonly #clock: Clock;
  readonly #quota: Quota;
  readonly #accepts = new InTurn();
  /** What the database showed when it was last asked for news. */
  #snapshot = "";
  /** Changes only as a copy is opened. */
  #knownOrigin: string | undefined;

  constructor({ reads, writes, node, clock, quota }: PostgresLogOptions) {
    this.#reads = reads;
    this.#writes = writes;
    this.#node = node;
    this.#clock = clock;
    this.#quota = quota ?? DEFAULT_QUOTA;
  }

  async open(): Promise<void> {
    this.#knownOrigin = undefined;
    await this.#node.join();
  }

  close(): Promise<void> {
    return this.#node.leave();
  }

  /** One batch after another, so that who asked first comes first. */
  accept(messages: readonly NewMessage[]): Promise<readonly AcceptOutcome[]> {
    return this.#accepts.run(() => this.#accept(messages));
  }

  async #accept(messages: readonly NewMessage[]): Promise<readonly AcceptOutcome[]> {
    const column = <Value>(of: (message: NewMessage) => Value) => messages.map(of);
    const rows = await this.#writes.run<OutcomeRow>(SQL.accept, [
      column(({ userId }) => userId),
      column(({ deviceId }) => deviceId),
      column(({ ephemeral }) => ephemeral),
      column(({ messageId }) => messageId),
      column(({ type }) => withoutNul(type)),
      column(({ head }) => head),
      column(({ bytes }) => bytes),
      column(({ createdAt }) => createdAt),
      column(({ expiresAt }) => expiresAt),
      column(({ idempotency }) => idempotency?.caller ?? null),
      column(({ idempotency }) => idempotency && withoutNul(idempotency.key)),
      column(({ idempotency }) => idempotency?.fingerprint ?? null),
      this.#quota.messages,
      this.#quota.bytes,
    ]);
    return rows.map(toOutcome);
  }

  async position(userId: number): Promise<StreamPosition> {
    const [row] = await this.#reads.run<StreamPosition>(SQL.position, [userId]);
    return row ?? { epoch: firstEpoch(await this.#origin(), userId), top: 0, epochBase: 0 };
  }

  read(userId: number, after: number, limit: number): Promise<readonly StoredMessage[]> {
    return this.#reads.run<StoredMessage>(SQL.read, [userId, after, limit]);
  }

  async idAt(userId: number, seq: number): Promise<string | undefined> {
    const [row] = await this.#reads.run<{ id: string }>(SQL.idAt, [userId, seq]);
    return row?.id;
  }

  async find(messageId: string): Promise<MessageRecord | undefined> {
    if (messageId.includes("\0")) return undefined;
    const [message] = await this.#reads.run<Omit<MessageRecord, "consumers">>(SQL.find, [messageId]);
    if (message === undefined) return undefined;
    const consumers = await this.#reads.run<ConsumerProgress>(SQL.consumers, [message.seq, message.userId]);
    return { ...message, consumers };
  }

  /** What a node that died had sent and not written down may be asked for at the next one at once. */
  async cursor({ userId, consumer }: CursorKey): Promise<Cursor | undefined> {
    await this.#node.lookAround();
    const [row] = await this.#reads.run<CursorRow>(SQL.cursor, [userId, consumer]);
    return row && { userId, consumer, ...row };
  }

  async createCursorAtTop({ userId, consumer }: CursorKey): Promise<Cursor> {
    const [row] = await this.#writes.run<CursorRow>(SQL.createCursor, [userId, consumer, this.#clock.now(), MAX_APPS]);
    if (row === undefined) throw new Error("a user vanished as their cursor was made");
    return { userId, consumer, ...row };
  }

  async saveCursors(cursors: readonly CursorUpdate[]): Promise<readonly number[]> {
    if (cursors.length === 0) return [];
    const [users, epochs] = [cursors.map(({ userId }) => userId), cursors.map(({ epoch }) => epoch)];
    await this.#writes.run(SQL.saveCursors, [
      this.#node.id,
      users,
      cursors.map(({ consumer }) => consumer),
      epochs,
      cursors.map(({ acked }) => acked),
      cursors.map(({ sent }) => sent),
      cursors.map(({ attempts }) => attempts),
      cursors.map(({ lastSeen }) => lastSeen),
      cursors.map(({ started }) => started ?? 0),
    ]);
    const moved = await this.#writes.run<{ userId: number }>(SQL.movedOn, [users, epochs]);
    return moved.map(({ userId }) => userId);
  }

  async setAside({ userId, consumer }: CursorKey, seq: number): Promise<void> {
    await this.#writes.run(SQL.setAside, [consumer, userId, seq]);
  }

  async beginEpoch(userId: number, from: string): Promise<StreamPosition> {
    const [row] = await this.#writes.run<StreamPosition>(SQL.beginEpoch, [userId, from, newId()]);
    return row ?? this.position(userId);
  }

  /** What a snapshot shows changes with every commit (postgresql.org/docs/current/functions-info.html). */
  async hasNews(): Promise<boolean> {
    const [row] = await this.#reads.run<{ snapshot: string }>(SQL.snapshot);
    const isNews = row?.snapshot !== this.#snapshot;
    this.#snapshot = row?.snapshot ?? "";
    return isNews;
  }

  async tops(userIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#reads.run<{ userId: number; top: number }>(SQL.tops, [userIds]);
    return new Map(rows.map(({ userId, top }) => [userId, top]));
  }

  async retain(rules: RetentionRules): Promise<RetentionReport> {
    const { now, settledMs, appUnseenMs, idempotencyMs, batch } = rules;
    const values = [now, settledMs, appUnseenMs, idempotencyMs, batch, DUE_STREAMS];
    const [report] = await this.#writes.run<RetentionReport>(SQL.retain, values);
    return report ?? { messages: 0, cursors: 0, keys: 0, more: false };
  }

  /** What the epoch is made of that a stream will have once its first message makes it. */
  async #origin(): Promise<string> {
    if (this.#knownOrigin === undefined) {
      const [row] = await this.#reads.run<{ value: string }>(SQL.origin);
      if (row === undefined) throw new Error("the log has no origin");
      this.#knownOrigin = row.value;
    }
    return this.#knownOrigin;
  }
}

function toOutcome({ out_kind: kind, out_seq: seq, out_message_id, out_created_at }: OutcomeRow): AcceptOutcome {
  switch (kind) {
    case "accepted":
      return { kind, seq };
    case "duplicate":
      return { kind, seq, messageId: out_message_id, createdAt: out_created_at };
    default:
      return { kind };
  }
}
