import type { Clock } from "../platform/clock.ts";
import { hashToken } from "../platform/ids.ts";

/** Refusals of one token from one address that are answered at once. */
const FREE_REFUSALS = 5;
const WINDOW_MS = 60_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** Most token-and-address pairs remembered; past it the least recently refused is forgotten. */
const MAX_REMEMBERED = 10_000;

interface Refused {
  count: number;
  /** When the last refusal was, or will be, said. */
  at: number;
}

/**
 * Remembers refused tokens. Clients of the original system retry a refused credential for ever, since the upgrade itself
 * succeeds and resets their back-off: from the 6th refusal within a minute the answer is held back, and the database is
 * not asked again.
 */
export class Refusals {
  readonly #refused = new Map<string, Refused>();

  constructor(private readonly clock: Clock) {}

  /** Whether nobody was refused lately, and nobody need be looked for. */
  get isEmpty(): boolean {
    return this.#refused.size === 0;
  }

  /**
   * Milliseconds to wait before refusing this token again without a look at the database; 0: look it up. `asked` tells
   * apart what a good token was refused for.
   */
  delayFor(token: string, address: string, asked = ""): number {
    const key = keyOf(token, address, asked);
    const refused = this.#refused.get(key);
    if (refused === undefined) return 0;
    if (this.clock.monotonic() - refused.at > WINDOW_MS) {
      this.#refused.delete(key);
      return 0;
    }
    const delayed = refused.count - FREE_REFUSALS;
    return delayed < 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** delayed, LONGEST_DELAY_MS);
  }

  /** Counts a refusal that is said `inMs` from now. */
  record(token: string, address: string, inMs: number, asked = ""): void {
    const key = keyOf(token, address, asked);
    const refused = this.#refused.get(key) ?? { count: 0, at: 0 };
    refused.count += 1;
    refused.at = this.clock.monotonic() + inMs;
    // Deleted first, so that the map stays in order of the last refusal.
    this.#refused.delete(key);
    this.#refused.set(key, refused);
    if (this.#refused.size > MAX_REMEMBERED) {
      const oldest = this.#refused.keys().next();
      if (!oldest.done) this.#refused.delete(oldest.value);
    }
  }

  /** Something changed about who may do what: a token that was refused before may be good now. */
  forget(): void {
    this.#refused.clear();
  }
}

/** Remembered as a hash: what is refused may be a real token with a typing error, or for another server. */
function keyOf(token: string, address: string, asked: string): string {
  return hashToken(`${token} ${address} ${asked}`);
}
