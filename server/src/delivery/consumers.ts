import type { Clock, Timer } from "../platform/clock.ts";
import type { Cursor, CursorKey, CursorUpdate, LogStore, StreamPosition } from "../store/log-store.ts";
import { Consumer, type Participant } from "./consumer.ts";
import { ConsumerIndex } from "./consumer-index.ts";
import { DeliveryCounts } from "./counts.ts";
import { type DeliveryTrace, TRACED_MESSAGES } from "./trace.ts";

const FLUSH_EVERY_MS = 200;
/** Most cursors written in one transaction. */
const MAX_BATCH = 512;
/** Consumers that were just met, written each time: ten thousand that come at once take a minute, and cost nobody a wait. */
const MET_EACH_TIME = 32;
/** Epochs that are remembered after they were left. */
const MAX_LEFT = 1_000;

/** The consumers that have a connection, or whose cursor is still to be written. */
export class Consumers {
  /** Told of every consumer that is forgotten here. */
  onForgotten: (key: CursorKey) => void = () => {};
  /** Told of a user of whom somebody is connected here, and whose stream is in an epoch that was begun elsewhere. */
  onMovedOn: (userId: number) => void = () => {};
  /** The number of the last start of a connection as this consumer, where other nodes have a part in it; 0 for none. */
  startOf: (key: CursorKey) => number = () => 0;
  /** What all of them were sent and have acknowledged. */
  readonly counts = new DeliveryCounts();
  readonly #index = new ConsumerIndex();
  readonly #dirty = new Set<Consumer>();
  /** Met for the first time: to be written, so that retention waits for them, but not at once. */
  readonly #met = new Set<Consumer>();
  /** By key, how many attaches wait for the log's answer; one for each connection that is arriving at most. */
  readonly #expected = new Map<string, number>();
  /** Epochs that were left while somebody may still wait for the log's word from before, the latest of them. */
  readonly #left = new Set<string>();
  readonly #timer: Timer;
  #flushing: Promise<boolean> | undefined;

  constructor(
    private readonly log: LogStore,
    private readonly clock: Clock,
    private readonly trace: DeliveryTrace,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timer = clock.every(FLUSH_EVERY_MS, () => void this.#flush(MET_EACH_TIME));
  }

  /** The consumer that is known here, or the one that `cursor` stands for. A cursor of a later epoch replaces what is known. */
  adopt(cursor: Cursor): Consumer {
    const known = this.#index.get(cursor);
    if (known !== undefined && known.epoch === cursor.epoch) return known;
    const consumer = new Consumer(cursor);
    this.#index.set(consumer);
    return consumer;
  }

  /**
   * The consumer that is known here. Not one whose `cursor` on disk has passed it, or is of another epoch: a device that
   * changed hands and came back begins anew, another node may have begun an epoch, and what is known is of before.
   */
  known(key: CursorKey, cursor?: Cursor): Consumer | undefined {
    const known = this.#index.get(key);
    if (known === undefined || cursor === undefined || known.connections > 0) return known;
    const isOlder = this.#left.has(cursor.epoch);
    if (isOlder || (cursor.epoch === known.epoch && cursor.acked <= known.acked)) return known;
    this.forget(known);
    return undefined;
  }

  /** A connection begins to receive as this consumer. */
  join(consumer: Consumer, participant: Participant): void {
    this.#index.set(consumer);
    consumer.join(participant);
  }

  /** A connection that had handled everything up to `from` has handled more: its consumer's cursor moves to the least of all. */
  advance(consumer: Consumer, from: number, participant: Participant): void {
    const before = consumer.acked;
    if (!consumer.advance(from, participant)) return;
    this.#dirty.add(consumer);
    const now = this.clock.now();
    // A cursor that begins at the oldest may pass over more than is worth looking up.
    for (let seq = Math.max(before, consumer.acked - TRACED_MESSAGES) + 1; seq <= consumer.acked; seq++) {
      this.trace.acknowledged(consumer.userId, seq, consumer.consumer, now);
    }
  }

  /**
   * What is known under this consumer's name, which is itself where it was written and forgotten meanwhile: two of one name
   * would each move the cursor alone. Its cursor is to be written, so that it is not forgotten before somebody joins.
   */
  keep(consumer: Consumer): Consumer {
    const kept = this.#index.get(consumer) ?? consumer;
    this.#index.set(kept);
    this.#dirty.add(kept);
    return kept;
  }

  /** It has no cursor yet: one is written at leisure. Until then it would begin at the oldest again, which is where it is. */
  meet(consumer: Consumer): void {
    this.#met.add(consumer);
  }

  /** Its cursor is to be written, within 200 ms. */
  touch(consumer: Consumer): void {
    this.#dirty.add(consumer);
  }

  /** Writes down that apps are connected, of one user or of all, where that was last done `ms` ago or earlier. */
  async keepSeen(ms: number, userId?: number): Promise<void> {
    const before = this.clock.now() - ms;
    let isStale = false;
    for (const consumer of userId === undefined ? this.#index.all() : this.#index.ofUser(userId)) {
      const isApp = consumer.consumer.startsWith("app:");
      if (!isApp || consumer.connections === 0 || consumer.seenAt > before) continue;
      this.#dirty.add(consumer);
      isStale = true;
    }
    // Whoever is about to forget the unseen waits also for what is on its way, or failed before.
    if (isStale || userId === undefined) await this.flush();
  }

  /** A connection left it: it is forgotten here once its cursor is written. */
  release(consumer: Consumer, participant: Participant): void {
    consumer.leave(participant);
    this.#dirty.add(consumer);
  }

  /** A stream began a new epoch: its cursors went with it, and may have been sent everything before. */
  moveEpoch(userId: number, from: string, { epoch, top }: StreamPosition): void {
    this.#left.add(from);
    const [oldest] = this.#left;
    if (this.#left.size > MAX_LEFT && oldest !== undefined) this.#left.delete(oldest);
    for (const consumer of this.#index.ofUser(userId)) {
      if (consumer.epoch !== from) continue;
      consumer.epoch = epoch;
      consumer.sent = Math.max(consumer.sent, top);
      this.#dirty.add(consumer);
    }
  }

  /** An attach has asked the log for this consumer: until it `arrived`, what is known of it is newer than the log's answer. */
  expect(key: CursorKey): void {
    const name = keyOf(key);
    this.#expected.set(name, (this.#expected.get(name) ?? 0) + 1);
  }

  arrived(key: CursorKey): void {
    const name = keyOf(key);
    const others = (this.#expected.get(name) ?? 0) - 1;
    if (others > 0) this.#expected.set(name, others);
    else this.#expected.delete(name);
  }

  /** An attach failed: what it met is written, and then forgotten, unless somebody is connected as it. */
  abandon(key: CursorKey): void {
    const known = this.known(key);
    if (known !== undefined && known.connections === 0) this.#dirty.add(known);
  }

  /** Forgets a consumer whose log or owner is no more what it was. */
  forget(consumer: Consumer): void {
    this.#dirty.delete(consumer);
    this.#met.delete(consumer);
    if (this.#index.get(consumer) !== consumer) return;
    this.#index.delete(consumer);
    this.onForgotten(consumer);
  }

  /** Writes every cursor that moved, or is new. Answers whether they are on disk; else they have failed, and wait for the next time. */
  flush(): Promise<boolean> {
    return this.#flush(Number.POSITIVE_INFINITY);
  }

  async #flush(met: number): Promise<boolean> {
    while (this.#flushing !== undefined) await this.#flushing;
    for (const consumer of this.#met) {
      if (met-- <= 0) break;
      this.#met.delete(consumer);
      this.#dirty.add(consumer);
    }
    if (this.#dirty.size === 0) return true;
    this.#flushing = this.#write().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  stop(): void {
    this.#timer.stop();
  }

  async #write(): Promise<boolean> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (let start = 0; start < dirty.length; start += MAX_BATCH) {
      const batch = dirty.slice(start, start + MAX_BATCH);
      const updates = batch.map((consumer) => this.#toUpdate(consumer));
      try {
        const movedOn = await this.log.saveCursors(updates);
        if (movedOn.length > 0) this.#moveOn(new Set(movedOn), batch, updates);
      } catch (error) {
        this.failed(error);
        for (const consumer of dirty.slice(start)) this.#dirty.add(consumer);
        return false;
      }
      for (const consumer of batch) {
        const isWanted = consumer.connections > 0 || this.#expected.has(keyOf(consumer));
        if (!isWanted && !this.#dirty.has(consumer)) this.forget(consumer);
      }
    }
    return true;
  }

  /** What was written down of an epoch that is over counts for nothing: who is connected starts anew from the log's word. */
  #moveOn(users: ReadonlySet<number>, batch: readonly Consumer[], updates: readonly CursorUpdate[]): void {
    const told = new Set<number>();
    for (const [index, { userId, epoch, connections }] of batch.entries()) {
      const isOver = users.has(userId) && epoch === updates[index]?.epoch;
      if (isOver && connections > 0) told.add(userId);
    }
    for (const userId of told) this.onMovedOn(userId);
  }

  #toUpdate(known: Consumer): CursorUpdate {
    known.seenAt = this.clock.now();
    const { consumer, userId, epoch, acked, sent, attempts } = known;
    return { consumer, userId, epoch, acked, sent, attempts, lastSeen: known.seenAt, started: this.startOf(known) };
  }
}

function keyOf({ userId, consumer }: CursorKey): string {
  return `${userId} ${consumer}`;
}
