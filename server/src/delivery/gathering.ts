import { availableParallelism } from "node:os";
import type { Clock } from "../platform/clock.ts";

/** A commit that took so long waited for the disk, milliseconds: what the next one saves by being larger is worth a wait. */
const SLOW_COMMIT_MS = 2;
/** Longest wait before a commit, milliseconds. */
const MAX_WAIT_MS = 1;
/** Callers who were waiting at once that are many. */
const MANY = 4;
/** Turns of the loop in which nobody came, one after another, from which on nobody is expected any more. */
const EMPTY_TURNS = 8;

/**
 * Whether a commit waits for callers who have just been answered, and are about to ask again. They would else be the next
 * batch, and so on in turns: two batches of half the size, each with its own sync. Where writer and sockets have a processor
 * each, the one works while the other does, and that is as it should be; but where they share one, or the disk is slow, it costs.
 * Nobody waits who is alone: at most as many are expected as were waiting when the last commit ended.
 */
export class Gathering {
  #expected = 0;
  #began = 0;
  #isWorthIt: boolean;

  constructor(
    private readonly clock: Pick<Clock, "monotonic">,
    private readonly sharesProcessor = availableParallelism() === 1,
  ) {
    this.#isWorthIt = sharesProcessor;
  }

  /** Whether many were answered just now who are likely to ask again at once: there is a next commit to wait for the disk. */
  get expectsMany(): boolean {
    return this.#isWorthIt && this.#expected >= MANY;
  }

  /** A commit begins. */
  began(): void {
    this.#began = this.clock.monotonic();
  }

  /** The commit has ended, `outstanding` in it or behind it. */
  committed(outstanding: number): void {
    this.#expected = outstanding;
    this.#isWorthIt = this.sharesProcessor || this.clock.monotonic() - this.#began >= SLOW_COMMIT_MS;
  }

  /** Resolves when a commit should begin: `waiting` tells how many would be in it. */
  async gather(waiting: () => number, most: number): Promise<void> {
    if (!this.#isWorthIt) return;
    const enough = Math.min(this.#expected, most);
    const until = this.clock.monotonic() + MAX_WAIT_MS;
    let before = waiting();
    for (let empty = 0; before < enough && empty < EMPTY_TURNS && this.clock.monotonic() < until; ) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      const now = waiting();
      empty = now > before ? 0 : empty + 1;
      before = now;
    }
  }
}
