import type { Clock, Timer } from "../platform/clock.ts";

const SAMPLE_EVERY_MS = 200;
/** What is reported is the longest of this one and the last, milliseconds. */
const SPAN_MS = 15_000;

/** How late the event loop is: the longest that a timer of 200 ms had to wait for its turn, lately. */
export class LoopLag {
  readonly #timer: Timer;
  #due: number;
  #spanEnd: number;
  #longest = 0;
  #longestBefore = 0;

  constructor(private readonly clock: Clock) {
    const now = clock.monotonic();
    this.#due = now + SAMPLE_EVERY_MS;
    this.#spanEnd = now + SPAN_MS;
    this.#timer = clock.every(SAMPLE_EVERY_MS, () => this.#sample());
  }

  /** The longest of the last 15 to 30 s, milliseconds. */
  get longestMs(): number {
    return Math.max(this.#longest, this.#longestBefore);
  }

  stop(): void {
    this.#timer.stop();
  }

  #sample(): void {
    const now = this.clock.monotonic();
    if (now >= this.#spanEnd) {
      this.#longestBefore = this.#longest;
      this.#longest = 0;
      this.#spanEnd = now + SPAN_MS;
    }
    this.#longest = Math.max(this.#longest, now - this.#due);
    this.#due = now + SAMPLE_EVERY_MS;
  }
}
