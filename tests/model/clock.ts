import type { Clock, Timer } from "@qy-lty/server/platform/clock.ts";

interface Pending {
  dueAt: number;
  readonly periodMs: number | undefined;
  readonly task: () => void;
}

/** The clock of a machine, which may sleep. Processes on it have clocks of their own, whose timers end with them. */
export class ModelClock {
  #wall = Date.UTC(2026, 0, 1);
  #monotonic = 0;
  readonly #pending = new Set<Pending>();

  /** The clock of a new process, and what ends it. */
  ofProcess(): Clock & { die(): void } {
    const own = new Set<Pending>();
    let isDead = false;
    const start = (delayMs: number, periodMs: number | undefined, task: () => void): Timer => {
      const pending = { dueAt: this.#monotonic + Math.max(1, delayMs), periodMs, task };
      if (!isDead) for (const set of [own, this.#pending]) set.add(pending);
      return {
        stop: () => {
          for (const set of [own, this.#pending]) set.delete(pending);
        },
      };
    };
    return {
      now: () => this.#wall,
      monotonic: () => this.#monotonic,
      iso: () => new Date(this.#wall).toISOString(),
      isoAt: () => new Date(this.#wall).toISOString(),
      after: (delayMs, task) => start(delayMs, undefined, task),
      every: (periodMs, task) => start(periodMs, periodMs, task),
      die: () => {
        isDead = true;
        for (const pending of own) this.#pending.delete(pending);
      },
    };
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Lets `ms` pass: every timer that falls due runs, each at its time. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (let next = this.#earliest(); next !== undefined && next.dueAt <= end; next = this.#earliest()) {
      this.#moveTo(Math.max(next.dueAt, this.#monotonic));
      this.#run(next);
    }
    this.#moveTo(end);
  }

  /** The machine sleeps for `ms`: when it wakes up, what fell due meanwhile runs once. */
  sleep(ms: number): void {
    this.#moveTo(this.#monotonic + ms);
    for (const pending of [...this.#pending]) if (pending.dueAt <= this.#monotonic) this.#run(pending);
  }

  /** Moves the wall clock alone. */
  stepWall(ms: number): void {
    this.#wall += ms;
  }

  #run(pending: Pending): void {
    // One that ran before it may have stopped it.
    if (!this.#pending.has(pending)) return;
    if (pending.periodMs === undefined) this.#pending.delete(pending);
    else pending.dueAt = this.#monotonic + pending.periodMs;
    pending.task();
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined;
    for (const pending of this.#pending) {
      if (earliest === undefined || pending.dueAt < earliest.dueAt) earliest = pending;
    }
    return earliest;
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}
