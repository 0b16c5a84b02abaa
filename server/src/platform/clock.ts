/** A timer that was started; stopping it twice is harmless. */
export interface Timer {
  stop(): void;
}

/** The only source of time in the gateway, so that tests can own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May step; never used for limits or deadlines. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start: limits, heartbeats and deadlines. */
  monotonic(): number;
  /** The wall clock as UTC ISO 8601 with `Z`; formatted at most once a millisecond. */
  iso(): string;
  /** `iso()` for who has just read `monotonic()` as `at`: the wall clock is asked only when its millisecond has ended. */
  isoAt(at: number): string;
  /** Runs `task` once after `delayMs`. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` every `periodMs`. */
  every(periodMs: number, task: () => void): Timer;
}

/** The machine's clocks. Timers do not keep the process alive. */
export class SystemClock implements Clock {
  #formattedAt = Number.NaN;
  #formatted = "";
  /** What the wall clock is ahead of the monotonic one: known to a millisecond at each look, and so ever better. */
  #ahead = performance.timeOrigin;
  /** Monotonic ms at which the millisecond ends that `#formatted` says. */
  #formattedUntil = Number.NEGATIVE_INFINITY;

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  iso(): string {
    const now = Date.now();
    if (now !== this.#formattedAt) {
      this.#formattedAt = now;
      this.#formatted = new Date(now).toISOString();
    }
    return this.#formatted;
  }

  isoAt(at: number): string {
    if (at < this.#formattedUntil) return this.#formatted;
    const formatted = this.iso();
    const ahead = this.#formattedAt - at;
    this.#ahead = Math.min(Math.max(this.#ahead, ahead), ahead + 1);
    this.#formattedUntil = this.#formattedAt + 1 - this.#ahead;
    return formatted;
  }

  after(delayMs: number, task: () => void): Timer {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return { stop: () => clearTimeout(timer) };
  }

  every(periodMs: number, task: () => void): Timer {
    const timer = setInterval(task, periodMs);
    timer.unref();
    return { stop: () => clearInterval(timer) };
  }
}
