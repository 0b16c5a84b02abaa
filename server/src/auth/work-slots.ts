import { GatewayError } from "@qy-lty/protocol";

/** How soon to try again where too many wait, milliseconds. */
const RETRY_AFTER_MS = 2_000;

/** Lets a few heavy pieces of work run at once, has some wait in order, and turns away the rest. */
export class WorkSlots {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(
    private readonly atOnce: number,
    private readonly mostWaiting: number,
  ) {}

  /** @throws GatewayError `UNAVAILABLE` when too many wait already */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.atOnce) {
      if (this.#waiting.length >= this.mostWaiting) {
        throw new GatewayError("UNAVAILABLE", "too many passwords to check", { retryAfterMs: RETRY_AFTER_MS });
      }
      // Whoever ends hands its slot on, so that nobody overtakes.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
