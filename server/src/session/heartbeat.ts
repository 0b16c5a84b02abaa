import type { Clock, Timer } from "../platform/clock.ts";

/** A peer whose liveness is watched. */
export interface Heart {
  /** When it was last heard, monotonic ms: any inbound frame or pong. */
  readonly lastHeard: number;
  /** Its place among those that are watched, -1 for none; belongs to `Heartbeats`. */
  heartbeat: number;
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
  readonly #slots: Heart[][];
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
    this.#slots = Array.from({ length: count }, () => []);
    this.#deadlineMs = periodMs * 2;
    this.#timer = clock.every(visitEveryMs / count, () => this.#turn());
  }

  add(heart: Heart): void {
    const slots = this.#slots.length;
    const hearts = this.#slots[this.#next] ?? [];
    heart.heartbeat = hearts.length * slots + this.#next;
    hearts.push(heart);
    this.#next = (this.#next + 1) % slots;
  }

  /** The last of its slot takes its place. */
  remove(heart: Heart): void {
    const { heartbeat } = heart;
    const slots = this.#slots.length;
    const hearts = this.#slots[heartbeat % slots];
    const last = hearts?.pop();
    if (hearts === undefined || last === undefined) return;
    if (last !== heart) {
      last.heartbeat = heartbeat;
      hearts[Math.floor(heartbeat / slots)] = last;
    }
    heart.heartbeat = -1;
  }

  stop(): void {
    this.#timer.stop();
  }

  #turn(): void {
    const now = this.clock.monotonic();
    const hearts = this.#slots[this.#current];
    this.#current = (this.#current + 1) % this.#slots.length;
    if (hearts === undefined) return;
    // From the end: whoever leaves meanwhile is replaced by one that was visited.
    for (let place = hearts.length - 1; place >= 0; place--) {
      const heart = hearts[place];
      if (heart === undefined) continue;
      const silentMs = now - heart.lastHeard;
      if (silentMs >= this.#deadlineMs) heart.expire();
      // Who spoke since the last visit needs no ping; the next visit comes half a heartbeat later.
      else if (silentMs >= this.periodMs / VISITS) heart.beat();
    }
  }
}
