import type { Broker } from "../broker/broker.ts";
import type { Clock, Timer } from "../platform/clock.ts";
import type { PrincipalMeters, Rate } from "./limits.ts";

/** How often nodes tell one another what they let through, milliseconds. */
const EXCHANGE_EVERY_MS = 1_000;
/** Most principals in one notice, of those who did most: the others are far from their limit. */
const MOST_PRINCIPALS = 1_000;

/** What a node let through of each principal since it last said so. */
export type RateCounts = readonly (readonly [principalKey: string, events: number])[];

/**
 * One rate for a principal over all nodes: each tells the others once a second what it let through, and never asks anybody
 * about a frame. Until then, and while nodes cannot hear one another, each counts for itself.
 */
export class SharedRates {
  readonly #timer: Timer;

  constructor(
    private readonly meters: PrincipalMeters,
    private readonly broker: Pick<Broker, "say" | "isUp">,
    private readonly clock: Clock,
    private readonly rate: Rate,
  ) {
    this.#timer = clock.every(EXCHANGE_EVERY_MS, () => this.#say());
  }

  /** Another node let these through. */
  heard(counts: RateCounts): void {
    const now = this.clock.monotonic();
    for (const [key, events] of counts) this.meters.get(key).charge(events, now, this.rate);
  }

  stop(): void {
    this.#timer.stop();
  }

  #say(): void {
    // Collected also while nobody hears it: it is not to be charged minutes later.
    const counts = this.meters.collect(MOST_PRINCIPALS);
    if (counts.length > 0 && this.broker.isUp) this.broker.say({ kind: "rates", counts });
  }
}
