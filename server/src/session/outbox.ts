/** Something that collected frames and wants to send them. */
export interface Flushable {
  flush(): void;
}

/**
 * Sends pushed frames once a turn of the event loop: what several publishes have for one socket in the same turn leaves
 * in one write, and a write per socket is what a fan-out costs.
 */
export class Outbox {
  #waiting: Flushable[] = [];
  readonly #flush = () => this.flush();

  /** Flushes `session` at the end of this turn. A session adds itself once a turn. */
  add(session: Flushable): void {
    if (this.#waiting.length === 0) setImmediate(this.#flush);
    this.#waiting.push(session);
  }

  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const session of waiting) session.flush();
  }
}
