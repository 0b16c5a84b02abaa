import { readMs } from "./wire.ts";

const BASE_MS = 1_000;
const CAP_MS = 30_000;
const STABLE_MS = 60_000;

/** When to come back: capped full jitter, or what the server asked for. Milliseconds throughout. */
export class Backoff {
  #attempts = 0;
  #hint: { readonly min: number; readonly max: number } | undefined;

  /** `random` answers 0 (inclusive) to 1 (exclusive). */
  constructor(private readonly random: () => number) {}

  /** The server said when: it counts once, in place of the next random delay. Without a `most` it is half as long again. What is no duration is not listened to. */
  hint(least: unknown, most?: unknown): void {
    const min = readMs(least);
    if (min !== undefined) this.#hint = { min, max: Math.max(min, readMs(most) ?? min * 1.5) };
  }

  /** A connection that was up for `upMs` has ended. */
  ended(upMs: number): void {
    if (upMs >= STABLE_MS) this.#attempts = 0;
  }

  /** How long to wait now, and how long at least, whatever else would speed it up. */
  next(): { readonly delayMs: number; readonly atLeastMs: number } {
    const hint = this.#hint;
    this.#hint = undefined;
    if (hint !== undefined) {
      return { delayMs: hint.min + this.random() * (hint.max - hint.min), atLeastMs: hint.min };
    }
    // Doubled until the cap has long been reached; further powers would only grow.
    const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(this.#attempts, 16));
    this.#attempts += 1;
    return { delayMs: this.random() * ceiling, atLeastMs: 0 };
  }
}
