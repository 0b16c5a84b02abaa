import type { RateCounts } from "./shared-rates.ts";

/** How many events a meter lets through: `burst` at once, refilled evenly over `windowMs`. */
export interface Rate {
  readonly burst: number;
  readonly windowMs: number;
}

/**
 * A generic cell rate algorithm (GCRA, ITU-T I.371) in one number: the theoretical arrival time. Equal to a bucket of
 * `burst` tokens that refills over `windowMs`, without a timer.
 */
export class Meter {
  #theoreticalArrival = Number.NEGATIVE_INFINITY;
  #taken = 0;

  /**
   * Takes one event at `now` (monotonic ms). Answers 0 when it conforms, else the milliseconds until one would; a
   * refused event is not counted.
   */
  take(now: number, rate: Rate): number {
    const increment = rate.windowMs / rate.burst;
    const next = Math.max(this.#theoreticalArrival, now) + increment;
    const excess = next - now - rate.windowMs;
    // A millionth of a millisecond of rounding must not refuse the last event of a burst.
    if (excess > 1e-6) return Math.ceil(excess);
    this.#theoreticalArrival = next;
    this.#taken += 1;
    return 0;
  }

  /** Counts events that another let through, conforming or not; whoever did too much there waits a window at most. */
  charge(events: number, now: number, rate: Rate): void {
    const next = Math.max(this.#theoreticalArrival, now) + (events * rate.windowMs) / rate.burst;
    this.#theoreticalArrival = Math.max(this.#theoreticalArrival, Math.min(next, now + rate.windowMs));
  }

  /** How many events it let through since this was asked last. */
  collect(): number {
    const taken = this.#taken;
    this.#taken = 0;
    return taken;
  }

  /** Whether the meter is as good as new at `now`, and may be forgotten. */
  isIdle(now: number): boolean {
    return this.#theoreticalArrival <= now;
  }
}

/** Most meters kept for principals without a connection; past it the one unused for longest goes. */
const MAX_UNHELD = 10_000;

interface HeldMeter {
  readonly meter: Meter;
  holders: number;
}

/** One meter per principal, over all its sockets and requests, which outlives them until it is as good as new. */
export class PrincipalMeters {
  readonly #held = new Map<string, HeldMeter>();
  readonly #unheld = new Map<string, Meter>();

  /** The meter of a principal that opens a connection; `release` it when that ends. */
  hold(principalKey: string): Meter {
    let held = this.#held.get(principalKey);
    if (held === undefined) {
      held = { meter: this.#unheld.get(principalKey) ?? new Meter(), holders: 0 };
      this.#unheld.delete(principalKey);
      this.#held.set(principalKey, held);
    }
    held.holders += 1;
    return held.meter;
  }

  release(principalKey: string): void {
    const held = this.#held.get(principalKey);
    if (held === undefined) return;
    held.holders -= 1;
    if (held.holders > 0) return;
    this.#held.delete(principalKey);
    this.#keep(principalKey, held.meter);
  }

  /** The meter of a principal for one request. */
  get(principalKey: string): Meter {
    const held = this.#held.get(principalKey);
    if (held !== undefined) return held.meter;
    const meter = this.#unheld.get(principalKey) ?? new Meter();
    // Taken out first, so that the map stays in order of the last use.
    this.#unheld.delete(principalKey);
    return this.#keep(principalKey, meter);
  }

  /** What each let through since this was asked last: at most `most`, those with the most. */
  collect(most: number): RateCounts {
    const counts: [string, number][] = [];
    for (const [key, { meter }] of this.#held) collectInto(counts, key, meter);
    for (const [key, meter] of this.#unheld) collectInto(counts, key, meter);
    return counts.length <= most ? counts : counts.sort((a, b) => b[1] - a[1]).slice(0, most);
  }

  /** Forgets meters that are as good as new. They are kept in the order they were last used, so it stops at the first that is not. */
  sweep(now: number): void {
    for (const [key, meter] of this.#unheld) {
      if (!meter.isIdle(now)) return;
      this.#unheld.delete(key);
    }
  }

  #keep(principalKey: string, meter: Meter): Meter {
    this.#unheld.set(principalKey, meter);
    if (this.#unheld.size > MAX_UNHELD) {
      const oldest = this.#unheld.keys().next();
      if (!oldest.done) this.#unheld.delete(oldest.value);
    }
    return meter;
  }
}

function collectInto(counts: [string, number][], key: string, meter: Meter): void {
  const taken = meter.collect();
  if (taken > 0) counts.push([key, taken]);
}

/** Whether `text` has more than `max` code points; counts them only where the answer is not plain from its length. */
export function exceedsCodePoints(text: string, max: number): boolean {
  const units = text.length;
  if (units <= max) return false;
  if (units > 2 * max) return true;
  let points = 0;
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff && i + 1 < units) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) i++;
    }
    if (++points > max) return true;
  }
  return false;
}
