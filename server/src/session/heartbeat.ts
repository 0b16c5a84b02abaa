import type { Clock, Timer } from "../platform/clock.ts";

/** A peer whose liveness is watched. */
export interface Heart {
  /** When it was last heard, monotonic ms: any inbound frame or pong. */
  readonly lastHeard: number;
  /** Asks it to show that it is there. */
  beat(): void;
  /** It was silent for too long: end it. */
  expire(): void;
}

/** Visits per heartbeat, to each peer. */
const VISITS = 2;

/**
 * One timer for the liveness of every connection. Peers are spread over the slots of a wheel that turns twice a
 * heartbeat, so that no tick has much to do. A peer that stayed silent for 2 heartbeats is ended at the next visit:
 * within 2.5 of the last sign of life.
 */
export class Heartbeats {
  readonly #slots: Set<Heart>[];
  readonly #deadlineMs: number;
  readonly #timer: Timer;
  #current = 0;
  #next = 0;

  constructor(
    private readonly clock: Clock,
    readonly periodMs: number,
  ) {
    const visitEveryMs = periodMs / VISITS;
    const count = Math.max(1, Math.min(30, Math.floor(visitEveryMs / 250)));
    this.#slots = Array.from({ length: count }, () => new Set<Heart>());
    this.#deadlineMs = periodMs * 2;
    this.#timer = clock.every(visitEveryMs / count, () => this.#turn());
  }

  /** Starts watching; answers the slot, which `remove` wants back. */
  add(heart: Heart): number {
    const slot = this.#next;
    this.#next = (slot + 1) % this.#slots.length;
    this.#slots[slot]?.add(heart);
    return slot;
  }

  remove(heart: Heart, slot: number): void {
    this.#slots[slot]?.delete(heart);
  }

  stop(): void {
    this.#timer.stop();
  }

  #turn(): void {
    const now = this.clock.monotonic();
    const hearts = this.#slots[this.#current];
    this.#current = (this.#current + 1) % this.#slots.length;
    if (hearts === undefined) return;
    for (const heart of hearts) {
      const silentMs = now - heart.lastHeard;
      if (silentMs >= this.#deadlineMs) heart.expire();
      // Who spoke since the last visit needs no ping; the next visit comes half a heartbeat later.
      else if (silentMs >= this.periodMs / VISITS) heart.beat();
    }
  }
}
