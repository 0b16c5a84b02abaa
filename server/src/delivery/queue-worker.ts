import { GatewayError } from "@qy-lty/protocol";
import type { Events } from "../observe/events.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { QueueEntry, QueueStore } from "../store/queue-store.ts";
import type { Delivery } from "./delivery.ts";
import { BadFrame, toPush } from "./queued-frame.ts";

/** Most entries read at once: as many as one transaction of the log holds. */
const BATCH = 64;
/** How long a user whose push failed is left alone, milliseconds; twice as long each time, up to the second. */
const FIRST_DELAY_MS = 1_000;
const LAST_DELAY_MS = 30_000;

/** A user whose entries wait behind one that failed. */
interface Held {
  delayMs: number;
  /** Monotonic. */
  retryAt: number;
}

export interface QueueWorkerParts {
  readonly store: QueueStore;
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly events: Events;
}

/**
 * Turns queued frames into pushes, at least once and in order per user: users side by side, each user's entries one after
 * another. A push that fails holds its user back and nobody else; what can never be pushed is set aside. The entry's id is
 * the push's idempotency key, so that a crash between the push and the entry's removal makes no second message.
 */
export class QueueWorker {
  /** Up to here every entry was taken up: it is done, or its user is held. */
  #after = 0;
  readonly #held = new Map<number, Held>();
  /** What is done and still in the store. */
  readonly #pushed = new Set<number>();
  readonly #refused = new Map<number, string>();
  #running: Promise<void> | undefined;
  #wanted = false;
  #stopped = true;
  #clears = 0;
  #timer: Timer | undefined;

  constructor(private readonly parts: QueueWorkerParts) {}

  start(): void {
    this.#stopped = false;
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** What was read is forgotten, but for pushes that are under way. */
  cleared(): void {
    this.#clears += 1;
  }

  /** Ends after the pushes that are under way. What waits is pushed after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#timer?.stop();
    let retryAt = Number.POSITIVE_INFINITY;
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      try {
        if (await this.#pass()) this.#wanted = true;
      } catch (error) {
        // The store does not answer: everything is as it was.
        this.parts.events.backgroundError(error);
        retryAt = this.parts.clock.monotonic() + FIRST_DELAY_MS;
      }
    }
    this.#running = undefined;
    for (const held of this.#held.values()) retryAt = Math.min(retryAt, held.retryAt);
    this.#wakeAt(retryAt);
  }

  #wakeAt(at: number): void {
    if (this.#stopped || at === Number.POSITIVE_INFINITY) return;
    const { clock } = this.parts;
    this.#timer = clock.after(Math.max(0, at - clock.monotonic()), () => this.wake());
  }

  /** Reads what is next, pushes it, and removes it; answers whether there is more at once. */
  async #pass(): Promise<boolean> {
    const { store } = this.parts;
    await this.#settle();
    const clears = this.#clears;
    // In this order: what the second read does not show of a held user comes after what the first one showed.
    const entries = await store.next(this.#after, BATCH);
    const due = this.#due();
    const overdue = await Promise.all(due.map((userId) => store.nextOf(userId, BATCH)));
    this.#after = entries.at(-1)?.id ?? this.#after;
    const byUser = Map.groupBy(
      entries.filter(({ userId }) => !this.#held.has(userId)),
      ({ userId }) => userId,
    );
    for (const [index, userId] of due.entries()) byUser.set(userId, [...(overdue[index] ?? [])]);
    await Promise.all([...byUser].map(([userId, ofUser]) => this.#pushAll(userId, ofUser, clears)));
    await this.#settle();
    return entries.length === BATCH || this.#due().length > 0;
  }

  /** Held users whose time has come, a few of them. */
  #due(): number[] {
    const now = this.parts.clock.monotonic();
    const due: number[] = [];
    for (const [userId, { retryAt }] of this.#held) {
      if (retryAt <= now) due.push(userId);
      if (due.length === BATCH) break;
    }
    return due;
  }

  /** Pushes entries of one user until one fails, which holds the user back. */
  async #pushAll(userId: number, entries: readonly QueueEntry[], clears: number): Promise<void> {
    for (const entry of entries) {
      if (this.#stopped || clears !== this.#clears) return;
      if (!(await this.#push(entry))) return;
    }
    const held = this.#held.get(userId);
    if (held === undefined) return;
    // A held user is let go once nothing of theirs is left behind the others.
    if (entries.length < BATCH) this.#held.delete(userId);
    else held.delayMs = FIRST_DELAY_MS;
  }

  /** Whether the entry is done with. */
  async #push({ id, userId, frame }: QueueEntry): Promise<boolean> {
    try {
      const push = toPush(frame);
      await this.parts.delivery.toUser(userId, { ...push, idempotency: { caller: "queue", key: String(id) } });
      this.#pushed.add(id);
      return true;
    } catch (error) {
      if (error instanceof GatewayError && (error.code === "QUOTA_EXCEEDED" || error.code === "UNAVAILABLE")) {
        this.#hold(userId, error.code);
        return false;
      }
      const reason = reasonOf(error);
      if (reason === undefined) this.parts.events.backgroundError(error);
      this.#refused.set(id, reason ?? "internal error");
      this.parts.events.queueEntrySetAside(id, userId, reason ?? "internal error");
      return true;
    }
  }

  #hold(userId: number, code: string): void {
    const before = this.#held.get(userId);
    if (before === undefined) this.parts.events.queueHeld(userId, code);
    const delayMs = before === undefined ? FIRST_DELAY_MS : Math.min(2 * before.delayMs, LAST_DELAY_MS);
    this.#held.set(userId, { delayMs, retryAt: this.parts.clock.monotonic() + delayMs });
  }

  /** Takes out of the store what is done. What fails is done again: the push's key makes sure that it is none. */
  async #settle(): Promise<void> {
    const { store } = this.parts;
    for (const [id, reason] of this.#refused) {
      await store.setAside(id, reason);
      this.#refused.delete(id);
    }
    const pushed = [...this.#pushed];
    if (pushed.length === 0) return;
    await store.remove(pushed);
    for (const id of pushed) this.#pushed.delete(id);
  }
}

/** Why an entry can never be pushed; undefined for what nobody expected. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof BadFrame) return error.message;
  if (!(error instanceof GatewayError)) return undefined;
  return error.code === "NOT_FOUND" ? "user erased" : error.message;
}
