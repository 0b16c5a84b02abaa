import type { AcceptOutcome, NewMessage, Quota } from "@qy-lty/server/store/log-store.ts";
import { DEVICES } from "./disk.ts";

/** A message as the reference knows it; its place in the list is its `seq`. */
export interface Entry {
  readonly id: string;
  readonly seq: number;
  readonly deviceId: number | null;
  readonly bytes: number;
  readonly expiresAt: number;
}

/** What was made under an idempotency key. */
interface Key {
  readonly fingerprint: string;
  readonly seq: number | null;
  readonly messageId: string;
  readonly createdAt: number;
}

/** What a disk holds, and what a copy of the disk takes back. */
interface Timeline {
  readonly messages: Entry[];
  readonly keys: Map<string, Key>;
  /** Deleted by retention. */
  readonly gone: Set<string>;
  /** At some time acknowledged by every consumer there was. */
  readonly settled: Set<string>;
  /** The furthest any consumer's cursor came. */
  acked: number;
  /** Where each consumer's cursor was seen last. */
  readonly cursors: Map<string, number>;
  /** Up to where each consumer has nothing to expect. */
  readonly starts: Map<string, { readonly seq: number }>;
  /** Whose each device is. */
  readonly owners: Map<number, number>;
}

/** So many connections that were ended with a message unhandled set it aside. */
export const ATTEMPTS = 5;

/** How often a consumer failed to get over where it stands: at least and at most, where an end came near the five seconds. */
export interface Tries {
  readonly at: number;
  min: number;
  max: number;
}

/** An invariant of `docs/explain/delivery.md` does not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** Fails the run when an invariant does not hold. */
export function demand(holds: boolean, invariant: string, detail: () => string): void {
  if (!holds) throw new Violation(`${invariant}: ${detail()}`);
}

/** One user's log as it ought to be, in as few words as it can be said. */
export class Reference {
  timeline: Timeline = {
    messages: [],
    keys: new Map(),
    gone: new Set(),
    settled: new Set(),
    acked: 0,
    cursors: new Map(),
    starts: new Map(),
    owners: new Map(DEVICES.map((id) => [id, 1])),
  };
  /** Messages that were past their expiry at some time. */
  readonly expired = new Set<string>();
  /** `id seq` of what was ever made under a key. */
  readonly keyed = new Set<string>();
  #now = 0;
  /** `consumer id`: acknowledged by it, or handled by its own proven word. */
  readonly #answered = new Set<string>();
  readonly #tries = new Map<string, Tries>();
  /** `consumer id`: on how many connections it was sent and not acknowledged. */
  readonly #attempts = new Map<string, number>();

  constructor(private readonly quota: Quota) {}

  get top(): number {
    return this.timeline.messages.length;
  }

  at(seq: number): Entry | undefined {
    return this.timeline.messages[seq - 1];
  }

  /** The id that the log still holds at `seq`. */
  heldAt(seq: number): string | undefined {
    const id = this.at(seq)?.id;
    return id !== undefined && this.timeline.gone.has(id) ? undefined : id;
  }

  /** The messages from after `after` up to `upTo`. */
  between(after: number, upTo: number): readonly Entry[] {
    return this.timeline.messages.slice(after, upTo);
  }

  /** I2, I6, I13: what has to become of a batch, which is taken in by this. */
  accept(batch: readonly NewMessage[]): AcceptOutcome[] {
    return batch.map((message): AcceptOutcome => {
      const { idempotency, messageId, deviceId, bytes, createdAt, expiresAt } = message;
      const key = idempotency && `${idempotency.caller} ${idempotency.key}`;
      const seen = key === null ? undefined : this.timeline.keys.get(key);
      if (seen !== undefined && seen.fingerprint !== idempotency?.fingerprint) return { kind: "conflict" };
      if (seen !== undefined) return { kind: "duplicate", ...seen };
      // Of others it is only known that what is theirs is taken.
      if (message.userId !== 1) return { kind: "accepted", seq: null };
      if (deviceId !== null && this.timeline.owners.get(deviceId) !== 1) return { kind: "not-bound" };
      if (!message.ephemeral && this.#isOverQuota(bytes, createdAt)) return { kind: "over-quota" };
      const seq = message.ephemeral ? null : this.top + 1;
      if (seq !== null) this.timeline.messages.push({ id: messageId, seq, deviceId, bytes, expiresAt });
      if (expiresAt <= this.#now) this.expired.add(messageId);
      if (key !== null && idempotency !== null) {
        this.keyed.add(`${messageId} ${seq}`);
        this.timeline.keys.set(key, { fingerprint: idempotency.fingerprint, seq, messageId, createdAt });
      }
      return { kind: "accepted", seq };
    });
  }

  /** What has expired by `now` may be deleted; keys that are older are forgotten: what comes under them is new. */
  retain(now: number, keysBefore: number): void {
    this.#expire(now);
    for (const [key, { createdAt }] of this.timeline.keys) if (createdAt <= keysBefore) this.timeline.keys.delete(key);
  }

  /** Time has passed, or the clock was set. */
  look(now: number): void {
    this.#now = now;
    this.#expire(now);
  }

  #expire(now: number): void {
    for (const { id, expiresAt } of this.timeline.messages) if (expiresAt <= now) this.expired.add(id);
  }

  answer(consumer: string, entries: readonly Entry[]): void {
    for (const { id } of entries) this.#answered.add(`${consumer} ${id}`);
  }

  /** A connection ended with these sent long enough ago, and not acknowledged. */
  blame(consumer: string, entries: readonly Entry[]): void {
    for (const { id } of entries) {
      this.#attempts.set(`${consumer} ${id}`, (this.#attempts.get(`${consumer} ${id}`) ?? 0) + 1);
    }
  }

  /** The tries of a consumer that stands at `at`; from another place on they are counted anew. */
  tries(consumer: string, at: number): Tries {
    let tries = this.#tries.get(consumer);
    if (tries?.at !== at) {
      tries = { at, min: 0, max: 0 };
      this.#tries.set(consumer, tries);
    }
    return tries;
  }

  /** A process begins with what is on the disk; `isOwn`: which is that of the one before, and cannot know of more. */
  beginTries(consumer: string, at: number, found: number, isOwn: boolean): void {
    const known = this.#tries.get(consumer);
    if (isOwn && known?.at === at) {
      demand(found <= known.max, "tries", () => `${consumer} has ${found} attempts at ${at}, not ${known.max}`);
    }
    this.#tries.set(consumer, { at, min: found, max: found });
  }

  /** A device changes hands: it begins where its new owner's log ends. */
  bind(deviceId: number, userId: number): void {
    const consumer = `device:${deviceId}`;
    this.timeline.owners.set(deviceId, userId);
    this.timeline.cursors.delete(consumer);
    this.#tries.delete(consumer);
    if (userId === 1) this.timeline.starts.set(consumer, { seq: this.top });
  }

  sees(consumer: string, { deviceId }: Entry): boolean {
    if (deviceId === null || consumer === `device:${deviceId}`) return true;
    // The user's primary device.
    return consumer.startsWith("user:") && deviceId === 11;
  }

  mayBeDead(consumer: string, { id }: Entry): boolean {
    return (this.#attempts.get(`${consumer} ${id}`) ?? 0) >= ATTEMPTS;
  }

  /** Whether a consumer need not get a message: it is not for it, has expired, was deleted, or given up on. */
  isExcused(consumer: string, entry: Entry): boolean {
    const { id } = entry;
    return (
      !this.sees(consumer, entry) ||
      this.expired.has(id) ||
      this.timeline.gone.has(id) ||
      this.mayBeDead(consumer, entry)
    );
  }

  /** I1: whoever says that a consumer has come so far, it acknowledged all of it, or need not. */
  checkPassed(consumer: string, after: number, upTo: number): void {
    for (const entry of this.between(Math.max(after, this.timeline.starts.get(consumer)?.seq ?? 0), upTo)) {
      const isFine = this.#answered.has(`${consumer} ${entry.id}`) || this.isExcused(consumer, entry);
      demand(isFine, "I1", () => `${consumer} has passed ${entry.seq}, which it did not acknowledge`);
    }
  }

  /** I8: a cursor never goes back, nor past the top. */
  checkCursor(consumer: string, acked: number): void {
    const { cursors } = this.timeline;
    const before = cursors.get(consumer) ?? 0;
    demand(acked >= before, "I8", () => `the cursor of ${consumer} went back from ${before} to ${acked}`);
    demand(acked <= this.top, "I8", () => `the cursor of ${consumer} is at ${acked}, the top at ${this.top}`);
    this.checkPassed(consumer, before, acked);
    cursors.set(consumer, acked);
  }

  /** I13: what was accepted is there until it has expired or everybody has acknowledged it. */
  checkHeld(ids: readonly string[]): void {
    const held = new Set(ids);
    const { cursors, gone, messages, settled } = this.timeline;
    const least = Math.min(...cursors.values());
    if (cursors.size > 0) for (const { id } of this.between(0, least)) settled.add(id);
    for (const { id, seq } of messages) {
      if (held.has(id) || gone.has(id)) continue;
      demand(this.expired.has(id) || settled.has(id), "I13", () => `message ${seq} was deleted before its time`);
      gone.add(id);
    }
    const expected = messages.filter(({ id }) => !gone.has(id)).map(({ id }) => id);
    demand(Bun.deepEquals(ids, expected), "I2", () => `the log holds ${ids.length}, not ${expected.length} messages`);
  }

  /** A copy of the disk, to be put back. */
  copy(): () => void {
    const copy = structuredClone(this.timeline);
    return () => {
      this.timeline = structuredClone(copy);
    };
  }

  #isOverQuota(bytes: number, now: number): boolean {
    const { messages, acked, gone } = this.timeline;
    const waiting = messages.filter(({ id, seq, expiresAt }) => seq > acked && expiresAt > now && !gone.has(id));
    const waitingBytes = waiting.reduce((sum, entry) => sum + entry.bytes, 0);
    return waiting.length >= this.quota.messages || waitingBytes + bytes > this.quota.bytes;
  }
}
