import type { Database } from "bun:sqlite";
import type { Clock } from "../platform/clock.ts";
import {
  type AcceptOutcome,
  type ConsumerProgress,
  type Cursor,
  type CursorKey,
  type CursorUpdate,
  firstEpoch,
  type LogStore,
  type MessageRecord,
  type NewMessage,
  type RetentionReport,
  type RetentionRules,
  type StoredMessage,
  type StreamPosition,
} from "./log-store.ts";
import { prepareReads } from "./sqlite-log-statements.ts";
import { toPosition } from "./sqlite-log-writer.ts";
import type { PositionRow } from "./sqlite-streams.ts";
import type { SqliteWriter } from "./sqlite-writer.ts";

/** The log in SQLite: reads at once on the caller's connection, writes through the writer. */
export class SqliteLog implements LogStore {
  readonly #sql: ReturnType<typeof prepareReads>;
  /** The id of what had arrived last when `hasNews` was asked last; null before. */
  #newest: string | undefined | null = null;
  /** Changes only as the log is opened. */
  #knownOrigin: string | undefined;

  constructor(
    database: Database,
    private readonly writer: SqliteWriter,
    private readonly clock: Clock,
  ) {
    this.#sql = prepareReads(database);
  }

  async open(): Promise<void> {
    await this.writer.call("open");
    this.#knownOrigin = undefined;
  }

  close(): Promise<void> {
    return this.writer.call("close");
  }

  accept(messages: readonly NewMessage[]): Promise<readonly AcceptOutcome[]> {
    return this.writer.call("accept", messages);
  }

  position(userId: number): StreamPosition {
    const row = this.#sql.stream.get(userId) as PositionRow | null;
    return row === null ? { epoch: firstEpoch(this.#origin(), userId), top: 0, epochBase: 0 } : toPosition(row);
  }

  /** What the epoch is made of that a stream will have once its first message makes it. */
  #origin(): string {
    this.#knownOrigin ??= (this.#sql.origin.get() as { value: string }).value;
    return this.#knownOrigin;
  }

  read(userId: number, after: number, limit: number): StoredMessage[] {
    return this.#sql.read.all(userId, after, limit) as StoredMessage[];
  }

  idAt(userId: number, seq: number): string | undefined {
    return (this.#sql.idAt.get(userId, seq) as { message_id: string } | null)?.message_id;
  }

  async find(messageId: string): Promise<MessageRecord | undefined> {
    const message = this.#sql.find.get(messageId) as Omit<MessageRecord, "consumers"> | null;
    if (message === null) return undefined;
    const rows = this.#sql.consumers.all(message.seq, message.userId) as (Omit<ConsumerProgress, "dead"> & {
      dead: number;
    })[];
    return { ...message, consumers: rows.map((row) => ({ ...row, dead: row.dead === 1 })) };
  }

  cursor({ userId, consumer }: CursorKey): Cursor | undefined {
    const row = this.#sql.cursor.get(userId, consumer) as Omit<Cursor, "userId" | "consumer"> | null;
    return row === null ? undefined : { userId, consumer, ...row };
  }

  createCursorAtTop({ userId, consumer }: CursorKey): Promise<Cursor> {
    return this.writer.call("createCursorAtTop", { userId, consumer }, this.clock.now());
  }

  saveCursors(cursors: readonly CursorUpdate[]): Promise<readonly number[]> {
    return this.writer.call("saveCursors", cursors);
  }

  setAside({ userId, consumer }: CursorKey, seq: number): Promise<void> {
    // What names a consumer may be more than its name, and then does not cross threads.
    return this.writer.call("setAside", { userId, consumer }, seq);
  }

  beginEpoch(userId: number, from: string): Promise<StreamPosition> {
    return this.writer.call("beginEpoch", userId, from);
  }

  hasNews(): boolean {
    const newest = (this.#sql.newest.get() as { message_id: string } | null)?.message_id;
    const isNews = newest !== this.#newest;
    this.#newest = newest;
    return isNews;
  }

  /** One by one: a statement with a list costs more to plan than the look-ups themselves. */
  tops(userIds: readonly number[]): ReadonlyMap<number, number> {
    const tops = new Map<number, number>();
    for (const userId of userIds) {
      const row = this.#sql.top.get(userId) as { top: number } | null;
      if (row !== null) tops.set(userId, row.top);
    }
    return tops;
  }

  retain(rules: RetentionRules): Promise<RetentionReport> {
    return this.writer.call("retain", rules);
  }
}
