import type { Database } from "bun:sqlite";
import { newId } from "../platform/ids.ts";
import {
  type AcceptOutcome,
  type Cursor,
  type CursorKey,
  type CursorUpdate,
  MAX_APPS,
  type NewMessage,
  type Quota,
  type RetentionReport,
  type RetentionRules,
  type StreamPosition,
} from "./log-store.ts";
import { prepareWrites } from "./sqlite-log-statements.ts";
import { type OpenStream, type PositionRow, Streams } from "./sqlite-streams.ts";

interface KeyRow {
  readonly fingerprint: string;
  readonly message_id: string;
  readonly seq: number | null;
  readonly created_at: number;
}

interface CursorRow {
  readonly epoch: string;
  readonly acked: number;
  readonly sent: number;
  readonly attempts: number;
}

interface DueRow {
  readonly user_id: number;
  readonly floor: number;
  readonly settling_seq: number;
}

/** What the epochs that streams begin with are made of. */
const FACT_ORIGIN = "origin";
/** There while a process serves this log: found at an opening, the one before did not end in order. */
const FACT_SERVING = "serving";
/** There in a backup: found at an opening, it has been restored. */
export const FACT_BACKUP = "backup";

/** Streams whose settled messages are deleted in one transaction. */
const DUE_STREAMS = 200;

/** Everything that writes the log in SQLite, by statements prepared once. Runs beside the sockets, in the writer's thread. */
export class SqliteLogWriter {
  #prepared: ReturnType<typeof prepareWrites> | undefined;
  #rememberedStreams: Streams | undefined;

  constructor(
    private readonly database: Database,
    private readonly quota: Quota,
  ) {}

  /** Prepared when first needed: the tables may still be in the making, and most commands never touch the log. */
  get #sql(): ReturnType<typeof prepareWrites> {
    this.#prepared ??= prepareWrites(this.database);
    return this.#prepared;
  }

  get #streams(): Streams {
    this.#rememberedStreams ??= new Streams(this.database, this.#sql);
    return this.#rememberedStreams;
  }

  open(): void {
    this.#transaction(() => {
      if (this.#sql.takeFact.get(FACT_BACKUP) !== null) {
        const origin = newId();
        this.#sql.setFact.run(FACT_ORIGIN, origin);
        this.#sql.beginEpochs.run(origin);
        this.#sql.moveAllCursors.run();
      }
      if (this.#sql.takeFact.get(FACT_SERVING) !== null) this.#sql.suspectAll.run();
      this.#sql.setFact.run(FACT_SERVING, "");
    });
  }

  close(): void {
    this.#sql.takeFact.get(FACT_SERVING);
  }

  /** Takes a batch in one transaction; it is on disk when this returns. @throws SQLiteError, and then none was taken */
  accept(messages: readonly NewMessage[]): AcceptOutcome[] {
    const outcomes = this.#transaction(() => {
      this.#streams.begin();
      const taken = messages.map((message) => this.#acceptOne(message));
      this.#streams.write();
      return taken;
    });
    this.#streams.committed();
    return outcomes;
  }

  createCursorAtTop({ consumer, userId }: CursorKey, now: number): Cursor {
    return this.#transaction(() => {
      const { epoch, top } = this.#streams.ensure(userId);
      this.#sql.insertCursor.run(userId, consumer, epoch, top, now);
      if (consumer.startsWith("app:")) this.#sql.dropUnseenApps.run(userId, userId, consumer, MAX_APPS - 1);
      return { consumer, userId, ...(this.#sql.cursor.get(userId, consumer) as CursorRow) };
    });
  }

  saveCursors(cursors: readonly CursorUpdate[]): readonly number[] {
    return this.#transaction(() => {
      const moved = new Set<number>();
      for (const { userId, consumer, epoch, acked, sent, attempts, lastSeen } of cursors) {
        const known = this.#sql.cursor.get(userId, consumer) as CursorRow | null;
        // Whoever was met before their user's first message is written down too: retention waits for them.
        if (known === null && this.#sql.user.get(userId) !== null) this.#streams.ensure(userId);
        const { changes } = this.#sql.saveCursor.run(userId, consumer, epoch, acked, sent, attempts, lastSeen);
        // Where a cursor began, nobody acknowledged anything.
        if (changes > 0 && acked > (known?.acked ?? 0)) this.#sql.raiseAcked.run(acked, userId, epoch);
        if (changes > 0) continue;
        const stream = this.#sql.stream.get(userId) as { readonly epoch: string } | null;
        if (stream !== null && stream.epoch !== epoch) moved.add(userId);
      }
      return [...moved];
    });
  }

  setAside({ consumer, userId }: CursorKey, seq: number): void {
    this.#transaction(() => this.#sql.setAside.run(consumer, userId, seq));
  }

  beginEpoch(userId: number, from: string): StreamPosition {
    return this.#transaction(() => {
      const stream = this.#streams.ensure(userId);
      if (stream.epoch !== from) return toPosition(stream);
      const epoch = newId();
      this.#sql.beginEpoch.run(epoch, userId);
      // What a consumer had before the log went back, it may have had after: all of it may have been seen.
      this.#sql.moveCursors.run(epoch, stream.top, userId);
      return { epoch, top: stream.top, epochBase: stream.top };
    });
  }

  retain({ now, settledMs, appUnseenMs, idempotencyMs, batch }: RetentionRules): RetentionReport {
    return this.#transaction(() => {
      const expired = this.#sql.deleteExpired.run(now, batch).changes;
      const due = this.#sql.dueStreams.all(now - settledMs, DUE_STREAMS) as DueRow[];
      let settled = 0;
      let unfinished = due.length >= DUE_STREAMS;
      for (const { user_id, floor, settling_seq } of due) {
        // A stretch holds at most as many rows as it is long.
        const upTo = Math.min(settling_seq, floor + batch - settled);
        settled += this.#sql.deleteSettled.run(user_id, floor, upTo).changes;
        if (upTo >= settling_seq) this.#sql.settle.run(now, user_id);
        else {
          this.#sql.raiseFloor.run(upTo, user_id);
          unfinished = true;
        }
        if (settled >= batch) break;
      }
      const cursors = this.#sql.deleteUnseen.run(now - appUnseenMs).changes;
      const keys = this.#sql.deleteKeys.run(now - idempotencyMs, batch).changes;
      const more = unfinished || Math.max(expired, settled, keys) >= batch;
      return { messages: expired + settled, cursors, keys, more };
    });
  }

  #acceptOne(message: NewMessage): AcceptOutcome {
    const { userId, deviceId, idempotency } = message;
    if (idempotency !== null) {
      const seen = this.#sql.key.get(idempotency.caller, idempotency.key) as KeyRow | null;
      if (seen !== null) {
        if (seen.fingerprint !== idempotency.fingerprint) return { kind: "conflict" };
        return { kind: "duplicate", seq: seen.seq, messageId: seen.message_id, createdAt: seen.created_at };
      }
    }
    if (deviceId !== null && (this.#sql.owner.get(deviceId) as { user_id: number | null } | null)?.user_id !== userId) {
      return { kind: "not-bound" };
    }
    let seq: number | null = null;
    if (!message.ephemeral) {
      const stream = this.#streams.open(userId);
      if (stream === undefined) return { kind: "no-user" };
      if (this.#isOverQuota(stream, message)) return { kind: "over-quota" };
      const bytesBefore = stream.bytes;
      seq = this.#streams.append(userId, stream, message.bytes);
      this.#sql.insertMessage.run(
        userId,
        seq,
        message.messageId,
        deviceId,
        message.type,
        message.head,
        message.bytes,
        bytesBefore,
        message.createdAt,
        message.expiresAt,
      );
    }
    if (idempotency !== null) {
      const { caller, key, fingerprint } = idempotency;
      this.#sql.insertKey.run(caller, key, fingerprint, message.messageId, seq, message.createdAt);
    }
    return { kind: "accepted", seq };
  }

  /** Counts only where the bound that needs no counting says that it could be. */
  #isOverQuota(stream: OpenStream, { userId, bytes, createdAt }: NewMessage): boolean {
    const { acked, top, waitingFrom } = stream;
    if (top - acked < this.quota.messages) {
      const waiting = waitingFrom === null ? 0 : stream.bytes - waitingFrom;
      if (waiting + bytes <= this.quota.bytes) return false;
    }
    const waiting = this.#sql.waiting.get(userId, acked, createdAt) as { messages: number; bytes: number | null };
    return waiting.messages >= this.quota.messages || (waiting.bytes ?? 0) + bytes > this.quota.bytes;
  }

  #transaction<Result>(work: () => Result): Result {
    this.#sql.begin.run();
    try {
      const result = work();
      this.#sql.commit.run();
      return result;
    } catch (error) {
      if (this.database.inTransaction) this.#sql.rollback.run();
      throw error;
    }
  }
}

export function toPosition({ epoch, top, epoch_base }: PositionRow): StreamPosition {
  return { epoch, top, epochBase: epoch_base };
}
