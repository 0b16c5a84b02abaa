import type { Clock, Timer } from "@qy-lty/server/platform/clock.ts";

interface Pending {
  /** Monotonic milliseconds. */
  dueAt: number;
  /** Absent: runs once. */
  readonly periodMs?: number;
  readonly task: () => void;
}

/** A clock that stands still until the test moves it. Starts at 2026-01-01T00:00:00.000Z, monotonic 0. */
export class ManualClock implements Clock {
  #wall: number;
  #monotonic = 0;
  /** In order of their start, which is the order of timers that fall due together. */
  readonly #pending = new Set<Pending>();

  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  /** Timers that wait: 0 shows that nothing was left running. */
  get timers(): number {
    return this.#pending.size;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  iso(): string {
    return new Date(this.#wall).toISOString();
  }

  isoAt(): string {
    return this.iso();
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#start({ dueAt: this.#monotonic + Math.max(0, delayMs), task });
  }

  every(periodMs: number, task: () => void): Timer {
    // As with the machine's timers, a period below a millisecond would never let time pass.
    const period = Math.max(1, periodMs);
    return this.#start({ dueAt: this.#monotonic + period, periodMs: period, task });
  }

  /** Lets `ms` pass on both clocks, running every timer that falls due, also those started on the way, each at its own time. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (let next = this.#earliest(end); next; next = this.#earliest(end)) {
      this.#moveTo(next.dueAt);
      if (next.periodMs === undefined) this.#pending.delete(next);
      else next.dueAt += next.periodMs;
      next.task();
    }
    this.#moveTo(end);
  }

  /** Moves the wall clock alone, as a correction by NTP or an operator does; no timer runs. */
  stepWall(ms: number): void {
    this.#wall += ms;
  }

  #start(pending: Pending): Timer {
    this.#pending.add(pending);
    return { stop: () => void this.#pending.delete(pending) };
  }

  #earliest(end: number): Pending | undefined {
    let earliest: Pending | undefined;
    for (const pending of this.#pending) {
      if (pending.dueAt <= end && (!earliest || pending.dueAt < earliest.dueAt)) earliest = pending;
    }
    return earliest;
  }

  /** A task may itself have advanced the clock: time never runs backwards. */
  #moveTo(monotonic: number): void {
    const passed = Math.max(0, monotonic - this.#monotonic);
    this.#monotonic += passed;
    this.#wall += passed;
  }
}
