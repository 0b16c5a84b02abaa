import type { Database } from "bun:sqlite";
import { firstEpoch } from "./log-store.ts";
import type { prepareWrites } from "./sqlite-log-statements.ts";

/** Most streams remembered between batches. */
const MAX_REMEMBERED = 10_000;

export interface PositionRow {
  readonly epoch: string;
  readonly epoch_base: number;
  readonly top: number;
}

interface StreamRow extends PositionRow {
  readonly acked: number;
  readonly bytes: number;
  readonly is_settled: number;
}

/** A stream as a batch changes it. */
export interface OpenStream {
  top: number;
  /** What was ever appended, bytes. */
  bytes: number;
  /** The furthest any consumer came. */
  readonly acked: number;
  /** `bytes` before the first message that is kept past `acked`; null where there is none. */
  waitingFrom: number | null;
  /** Whether it kept nothing, and retention does not look at it. */
  isSettled: boolean;
  /** Whether `top` and `bytes` are to be written. */
  isChanged: boolean;
}

/**
 * The streams that batches append to, remembered from one batch to the next: reading a row twice a message costs as much as
 * appending it. Remembered is only what nobody has touched. Inside the transaction, where no other connection can write, two
 * counters of SQLite's own say whether anybody did: `data_version` for other connections, `total_changes` for this one.
 */
export class Streams {
  readonly #open = new Map<number, OpenStream>();
  readonly #changed: [userId: number, stream: OpenStream][] = [];
  readonly #version: () => number;
  readonly #ownChanges: () => number;
  #knownVersion = -1;
  #knownChanges = -1;

  constructor(
    database: Database,
    private readonly sql: ReturnType<typeof prepareWrites>,
  ) {
    const version = database.prepare<{ data_version: number }, []>("PRAGMA data_version");
    const changes = database.prepare<{ changes: number }, []>("SELECT total_changes() AS changes");
    this.#version = () => version.get()?.data_version ?? -1;
    this.#ownChanges = () => changes.get()?.changes ?? -1;
  }

  /** A batch begins; its transaction has. */
  begin(): void {
    const version = this.#version();
    const isTouched = version !== this.#knownVersion || this.#ownChanges() !== this.#knownChanges;
    if (isTouched || this.#open.size > MAX_REMEMBERED) this.#open.clear();
    this.#changed.length = 0;
    this.#knownVersion = version;
    // Until the batch is on disk nothing counts as known: should it fail, all is read anew.
    this.#knownChanges = -1;
  }

  /** The stream of a user, made where there was none; undefined when there is no such user. */
  open(userId: number): OpenStream | undefined {
    const known = this.#open.get(userId);
    if (known !== undefined) return known;
    let row = this.sql.stream.get(userId) as StreamRow | null;
    if (row === null) {
      if (this.sql.user.get(userId) === null) return undefined;
      row = this.ensure(userId);
    }
    const { top, bytes, acked, is_settled } = row;
    const first = this.sql.bytesBefore.get(userId, acked) as { bytes_before: number } | null;
    const waitingFrom = first?.bytes_before ?? null;
    const stream = { top, bytes, acked, waitingFrom, isSettled: is_settled === 1, isChanged: false };
    this.#open.set(userId, stream);
    return stream;
  }

  /** A message of so many bytes is appended; answers its `seq`. The row is written with the batch's others. */
  append(userId: number, stream: OpenStream, bytes: number): number {
    stream.waitingFrom ??= stream.bytes;
    stream.top += 1;
    stream.bytes += bytes;
    if (!stream.isChanged) this.#changed.push([userId, stream]);
    stream.isChanged = true;
    return stream.top;
  }

  /** Writes what the batch changed; its transaction is to be committed next. */
  write(): void {
    for (const [userId, stream] of this.#changed) {
      this.sql.setTop.run(stream.top, stream.bytes, userId);
      if (stream.isSettled) this.sql.unsettle.run(userId);
      stream.isSettled = stream.isChanged = false;
    }
  }

  /** The batch is on disk: what is remembered stands there. */
  committed(): void {
    this.#knownChanges = this.#ownChanges();
  }

  /** The row of a user's stream, made where there was none. */
  ensure(userId: number): StreamRow {
    const stream = this.sql.stream.get(userId) as StreamRow | null;
    if (stream !== null) return stream;
    const epoch = firstEpoch((this.sql.origin.get() as { value: string }).value, userId);
    this.sql.insertStream.run(userId, epoch);
    return { epoch, epoch_base: 0, top: 0, acked: 0, bytes: 0, is_settled: 0 };
  }
}
