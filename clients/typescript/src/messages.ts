import type { Connection } from "./connection.ts";
import type { Effects } from "./effects.ts";
import type { PushedFrame } from "./frames.ts";
import { Inbox } from "./inbox.ts";
import type { Place } from "./place.ts";
import { readSeq } from "./wire.ts";

const WORKING_MS = 10_000;
/** The server counts an attempt on a connection that stayed open for 5 s after the message was sent. */
const FAILED_MS = 6_000;

/**
 * Messages on their way to whoever listens, one at a time: delivered, their place stored, acknowledged. Times are monotonic
 * milliseconds.
 */
export class Messages {
  readonly #inbox = new Inbox();
  #connection: Connection | null = null;
  #workingAt: number | null = null;
  #failedAt: number | null = null;

  constructor(
    private readonly place: Place,
    private readonly effects: Effects,
  ) {}

  /** When `tick` is wanted, or a failure has lasted; Infinity for never. */
  get dueAt(): number {
    const working = this.#connection === null ? null : this.#workingAt;
    const failed = this.#failedAt === null ? null : this.#failedAt + FAILED_MS;
    return Math.min(working ?? Number.POSITIVE_INFINITY, failed ?? Number.POSITIVE_INFINITY);
  }

  /** Whether a handler failed, and the server has had the time to count that. */
  hasFailed(now: number): boolean {
    return this.#failedAt !== null && now >= this.#failedAt + FAILED_MS;
  }

  /** Says that a handler is at work, where that is due. */
  tick(now: number): void {
    if (this.#connection === null || this.#workingAt === null || now < this.#workingAt) return;
    this.#workingAt = now + WORKING_MS;
    if (this.#inbox.isOwed) this.effects.say({ type: "ack", seq: this.#connection.acked, working: true });
  }

  connected(now: number, connection: Connection): void {
    this.#connection = connection;
    this.#workingAt = this.#inbox.isOwed ? now + WORKING_MS : null;
  }

  disconnected(): void {
    this.#connection = null;
    this.#failedAt = null;
    this.#inbox.disconnected();
  }

  /** Whether somebody would handle a message: asked of the next one, again whenever this is called. */
  listen(now: number, wants: (frame: PushedFrame) => boolean): void {
    this.#inbox.wants = wants;
    this.#pump(now);
  }

  /** False when so many wait that whoever sends them does not speak this protocol. */
  arrived(now: number, frame: PushedFrame): boolean {
    const { seq: said, ...rest } = frame;
    const seq = readSeq(said);
    this.#connection?.showed(seq);
    const isAdded = this.#inbox.add(seq === said ? frame : (rest as PushedFrame), this.place.epoch);
    if (!isAdded) this.effects.report("OVERFLOW", "messages that are kept nowhere came faster than they were handled");
    this.#pump(now);
    return !this.#inbox.isFlooded;
  }

  /** The message that was delivered last was handled by everybody. */
  handled(now: number): void {
    const frame = this.#inbox.delivered;
    if (frame === null) return;
    if (frame.seq === undefined) {
      this.#inbox.done();
      this.#pump(now);
      return;
    }
    this.place.handled(frame.message_id, frame.seq, this.#inbox.epoch);
    this.effects.push({ do: "save", isForMessage: true });
  }

  /** The place is in the storage. */
  saved(now: number): void {
    this.#inbox.done();
    const seq = this.#connection?.acknowledges(this.place.seq) ?? null;
    if (seq !== null) this.effects.say({ type: "ack", seq });
    this.#pump(now);
  }

  /** A handler threw: the message comes again, on another connection. */
  failed(now: number, cause: unknown): void {
    const frame = this.#inbox.delivered;
    if (frame === null) return;
    this.effects.report("HANDLER_FAILED", `a handler of ${frame.type} ${frame.message_id} failed`, cause);
    const comesAgain = frame.seq !== undefined && !this.#inbox.isStale;
    if (comesAgain) {
      this.#failedAt = now;
      this.#inbox.fail();
      return;
    }
    this.#inbox.done();
    this.#pump(now);
  }

  /** A loop was left with the message in its hands: it is delivered again to whoever listens next. */
  left(now: number): void {
    this.#inbox.putBack();
    this.#pump(now);
  }

  /** Delivers the next message, if none is being handled. */
  #pump(now: number): void {
    const frame = this.#inbox.next();
    if (frame === null) {
      this.#workingAt = this.#inbox.isOwed ? (this.#workingAt ?? now + WORKING_MS) : null;
      return;
    }
    this.#workingAt = now + WORKING_MS;
    if (frame.seq !== undefined && this.place.has(frame.message_id)) this.handled(now);
    else this.effects.push({ do: "deliver", frame });
  }
}
