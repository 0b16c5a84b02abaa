import { LtyError } from "./errors.ts";
import type { PushedFrame } from "./frames.ts";
import { Listeners } from "./listeners.ts";
import { withResolvers } from "./loop.ts";

/** How many ids a tab remembers of what it handled. */
const REMEMBERED = 256;
/** So many messages wait for a slow handler. */
const MOST_WAITING = 256;

interface Entry extends PromiseWithResolvers<void> {
  readonly frame: PushedFrame;
}

/** Messages of one tab, whoever brings them: one after another, each once, to the handlers and loops of this tab. */
export class TabInbox {
  readonly listeners = new Listeners(() => void this.#work());
  readonly #seen = new Set<string>();
  readonly #waiting: Entry[] = [];
  #isAtWork = false;
  /** A loop was left with the first: it is for the next loop. */
  #isLeft = false;

  /** Whether it was handled here. */
  has(frame: PushedFrame): boolean {
    return this.#seen.has(frame.message_id);
  }

  /** Resolves when it was handled; rejects with what a handler threw, or LtyError `OVERFLOW`. */
  take(frame: PushedFrame): Promise<void> {
    if (this.has(frame)) return Promise.resolve();
    const waiting = this.#waiting.find((entry) => entry.frame.message_id === frame.message_id);
    if (waiting !== undefined) return waiting.promise;
    if (this.#waiting.length >= MOST_WAITING)
      return Promise.reject(new LtyError("OVERFLOW", "messages came faster than this tab handles them"));
    const entry = { frame, ...withResolvers<void>() };
    this.#waiting.push(entry);
    void this.#work();
    return entry.promise;
  }

  async #work(): Promise<void> {
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) {
      const result = await this.listeners.deliver(entry.frame);
      this.#isLeft = result.outcome === "left";
      if (result.outcome === "left") continue;
      this.#waiting.shift();
      if (result.outcome === "failed") {
        entry.reject(result.cause);
        continue;
      }
      this.#remember(entry.frame.message_id);
      entry.resolve();
    }
    this.#isAtWork = false;
  }

  #next(): Entry | undefined {
    return this.#isLeft && !this.listeners.isLooping ? undefined : this.#waiting[0];
  }

  #remember(id: string): void {
    this.#seen.add(id);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= REMEMBERED) break;
      this.#seen.delete(oldest);
    }
  }
}
