import type { Clock } from "../platform/clock.ts";
import type { LogStore, StoredMessage } from "../store/log-store.ts";
import type { Consumer, Participant } from "./consumer.ts";
import type { Consumers } from "./consumers.ts";
import type { DeliveryTrace } from "./trace.ts";
import { Window } from "./window.ts";

/** Why something was passed over, as `skip` says it. */
export type SkipReason = "filtered" | "expired" | "dead";

/** A connection, as its pump sees it. */
export interface Outlet {
  /** Sends a pushed frame with the others of this turn. */
  push(frame: string): void;
  /** Too much waits for the peer: send nothing until it has drained. */
  readonly congested: boolean;
  /** Nothing was acknowledged for too long. */
  stalled(): void;
}

/** How a connection speaks of deliveries. */
export interface Dialect {
  /** The frame of a message. */
  frame(message: StoredMessage, redelivered: boolean): string;
  /** The frame that says a stretch was passed over, or null where nothing is said. */
  skip(seq: number, reason: SkipReason, timestamp: string): string | null;
}

export interface PumpServices {
  readonly log: LogStore;
  readonly clock: Clock;
  readonly consumers: Consumers;
  readonly trace: DeliveryTrace;
  /** The pumps that wait for an acknowledgement: whose progress is watched. */
  readonly waiting: Set<Pump>;
  failed(error: unknown): void;
  /** A message was set aside for this consumer. */
  dead(consumer: Consumer, seq: number): void;
}

/** No acknowledgement for so long ends a connection, milliseconds. */
export const STALL_MS = 30_000;
/** A handler may say that it is still working for so long a message, milliseconds. */
export const MAX_WORKING_MS = 10 * 60_000;
/** A connection must have stayed open so long after a message was sent for its end to count as an attempt, milliseconds. */
export const ATTEMPT_AFTER_MS = 5_000;
/** So many failed attempts set a message aside. */
export const MAX_ATTEMPTS = 5;

/**
 * Carries a user's stream to one connection: reads from the cursor, keeps a window under way, never sends a message
 * twice on the same connection. Hints say that there is more; whatever hint is lost, the sweep finds out.
 */
export class Pump implements Participant {
  readonly #window: Window;
  #lastProgress: number;
  #headSince: number;
  /** The head said that it was being worked on. */
  #working = false;
  #filling = false;
  #again = false;
  /** The log may hold more than was sent. */
  #behind = true;
  #closed = false;
  /** Size of the message that was read last: those behind it are supposed to be like it. Reading more than goes out costs. */
  #usualBytes = 1;
  /** Size of the next message, where it has to wait for room: until then it is not read again. */
  #blockedBytes = 0;

  constructor(
    readonly consumer: Consumer,
    /** Messages for a device are for this one; null: for none of them. */
    private readonly deviceId: number | null,
    private readonly outlet: Outlet,
    private readonly dialect: Dialect,
    private readonly services: PumpServices,
    /** Messages up to here may have been seen on an earlier connection. */
    private readonly seenBefore: number,
  ) {
    this.#window = new Window(consumer.acked);
    this.#lastProgress = this.#headSince = services.clock.monotonic();
    services.consumers.join(consumer, this);
  }

  get acked(): number {
    return this.#window.acked;
  }

  /** The last seq that was sent or passed over here. */
  get sent(): number {
    return this.#window.sent;
  }

  /** A message was taken. Sent from memory when it is the next one and there is room; else it is read when its turn comes. */
  offer(message: StoredMessage): void {
    if (this.#closed) return;
    const isNext = !this.#filling && message.seq === this.sent + 1;
    if (isNext && this.#mayFill()) this.#behind = !this.#deliver(message);
    else if (message.seq > this.sent) this.fill();
  }

  /** Sends what the log has and the window takes. */
  fill(): void {
    if (this.#filling) {
      this.#again = true;
      return;
    }
    this.#behind = true;
    if (!this.#mayFill()) return;
    const outcome = this.#tryFill();
    if (!(outcome instanceof Promise)) return;
    this.#filling = true;
    outcome
      .catch((error: unknown) => this.services.failed(error))
      .finally(() => {
        this.#filling = false;
        if (!this.#again) return;
        this.#again = false;
        this.fill();
      });
  }

  /** Whether everything up to `seq` may be acknowledged here: it was sent, or shown at the connect. */
  hasSent(seq: number): boolean {
    return seq <= this.sent;
  }

  /**
   * The consumer has handled everything up to `seq`; what it was not sent here moves nothing. `working`: and it is busy
   * with what comes next.
   */
  acknowledge(seq: number, working = false): void {
    if (this.#closed) return;
    const now = this.services.clock.monotonic();
    const { acked, inFlight } = this.#window;
    if (this.#window.acknowledge(seq)) {
      const handled = inFlight - this.#window.inFlight;
      this.services.consumers.counts.acknowledged += handled;
      this.services.consumers.counts.inFlight -= handled;
      this.#lastProgress = this.#headSince = now;
      this.#working = false;
      if (this.#window.inFlight === 0) this.services.waiting.delete(this);
      this.services.consumers.advance(this.consumer, acked, this);
      if (this.#behind) this.fill();
    }
    if (working && this.#window.inFlight > 0 && now - this.#headSince < MAX_WORKING_MS) {
      this.#working = true;
      this.#lastProgress = now;
    }
  }

  /** Ends a connection that acknowledges nothing. Called every second or so. */
  checkProgress(): void {
    if (this.#window.inFlight === 0 || this.#closed) return;
    const now = this.services.clock.monotonic();
    if (now - this.#lastProgress < STALL_MS) return;
    if (now - this.#headSince >= MAX_WORKING_MS) this.#working = false;
    this.outlet.stalled();
  }

  /** The connection ended: what it did not handle comes again on the next. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.services.waiting.delete(this);
    const { head } = this.#window;
    const { consumer, services } = this;
    if (head !== undefined && !this.#working && this.acked === consumer.acked) {
      if (services.clock.monotonic() - head.sentAt >= ATTEMPT_AFTER_MS) consumer.attempts += 1;
    }
    services.consumers.counts.inFlight -= this.#window.inFlight;
    services.consumers.release(consumer, this);
  }

  #mayFill(): boolean {
    return !this.#closed && this.#window.room > 0 && this.#window.fits(this.#blockedBytes) && !this.outlet.congested;
  }

  /** A log that cannot be read now is read again at the next hint. */
  #tryFill(): void | Promise<void> {
    try {
      return this.#fill();
    } catch (error) {
      this.services.failed(error);
    }
  }

  /** Synchronous where the log answers at once. The top is read before the messages: what comes in between is not missing. */
  #fill(): void | Promise<void> {
    const { log } = this.services;
    while (this.#mayFill()) {
      const position = log.position(this.consumer.userId);
      if (position instanceof Promise) return this.#fillLater(position);
      const messages = log.read(this.consumer.userId, this.sent, this.#window.roomFor(this.#usualBytes));
      if (messages instanceof Promise) return this.#fillLater(position, messages);
      if (!this.#take(position.top, messages)) return;
    }
  }

  async #fillLater(
    position: { readonly top: number } | Promise<{ readonly top: number }>,
    messages?: Promise<readonly StoredMessage[]>,
  ): Promise<void> {
    const { top } = await position;
    if (this.#closed) return;
    const limit = this.#window.roomFor(this.#usualBytes);
    const found = await (messages ?? this.services.log.read(this.consumer.userId, this.sent, limit));
    if (this.#take(top, found) && this.#mayFill()) await this.#fill();
  }

  /** Delivers what was read; answers whether there may be more. */
  #take(top: number, messages: readonly StoredMessage[]): boolean {
    if (this.#closed) return false;
    if (messages.length === 0) {
      if (this.sent < top) this.#skip(top, "expired");
      this.#behind = false;
      return false;
    }
    for (const message of messages) {
      if (!this.#mayFill()) return false;
      if (message.seq > this.sent + 1) this.#skip(message.seq - 1, "expired");
      if (!this.#deliver(message)) return false;
    }
    // What came after the top was read is offered, or found by the sweep.
    this.#behind = this.sent < top;
    return this.#behind;
  }

  /** Sends the next message, or passes over it; answers false where it has to wait for room, which only what is sent needs. */
  #deliver(message: StoredMessage): boolean {
    const { clock } = this.services;
    const { seq } = message;
    const reason = this.#reasonToSkip(message);
    this.#blockedBytes = 0;
    this.#usualBytes = Math.max(1, message.bytes);
    if (reason !== null) {
      this.#skip(seq, reason);
      return true;
    }
    if (!this.#window.fits(message.bytes)) {
      this.#blockedBytes = message.bytes;
      return false;
    }
    const now = clock.monotonic();
    if (this.#window.inFlight === 0) {
      this.#lastProgress = this.#headSince = now;
      this.services.waiting.add(this);
    }
    this.#window.send(seq, message.bytes, now);
    const isAgain = seq <= this.seenBefore;
    const { counts } = this.services.consumers;
    counts.delivered += 1;
    counts.inFlight += 1;
    if (isAgain) counts.redelivered += 1;
    if (seq > this.consumer.sent) this.consumer.sent = seq;
    this.services.consumers.touch(this.consumer);
    this.services.trace.delivered(this.consumer.userId, seq, this.consumer.consumer, clock.now());
    this.outlet.push(this.dialect.frame(message, isAgain));
    return true;
  }

  #reasonToSkip({ seq, deviceId, expiresAt }: StoredMessage): SkipReason | null {
    if (deviceId !== null && deviceId !== this.deviceId) return "filtered";
    if (expiresAt <= this.services.clock.now()) return "expired";
    const { consumer } = this;
    if (consumer.attempts >= MAX_ATTEMPTS && this.acked === consumer.acked && this.#window.inFlight === 0) {
      consumer.attempts = 0;
      this.services.dead(consumer, seq);
      return "dead";
    }
    return null;
  }

  #skip(seq: number, reason: SkipReason): void {
    const { counts } = this.services.consumers;
    const { acked } = this.#window;
    counts.skipped[reason] += seq - this.sent;
    this.#window.skip(seq, this.services.clock.monotonic());
    const frame = this.dialect.skip(seq, reason, this.services.clock.iso());
    if (frame !== null) {
      counts.skipFrames += 1;
      this.outlet.push(frame);
    }
    this.services.consumers.advance(this.consumer, acked, this);
  }
}
