import type { Clock, Timer } from "../platform/clock.ts";
import type { LogStore } from "../store/log-store.ts";
import type { Consumers } from "./consumers.ts";

const RUN_EVERY_MS = 60_000;
/** Between two batches of one run, so that accepts get their turn, milliseconds. */
const BETWEEN_BATCHES_MS = 50;
const BATCH = 1_000;
/** What everybody acknowledged is kept for so long, milliseconds. */
const SETTLED_MS = 3_600_000;
const IDEMPOTENCY_MS = 24 * 3_600_000;

/** Deletes what nobody needs any more. */
export class Retention {
  readonly #timer: Timer;
  #busy = false;
  #isStopped = false;

  constructor(
    private readonly log: LogStore,
    private readonly consumers: Consumers,
    private readonly clock: Clock,
    /** How long an app may be away before it is forgotten, milliseconds: as long as messages are kept. */
    private readonly appUnseenMs: number,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timer = clock.every(RUN_EVERY_MS, () => void this.run());
  }

  /** Runs until there is nothing more to delete. */
  async run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      // Who is connected is not unseen, however long it has had nothing to acknowledge.
      await this.consumers.keepSeen(this.appUnseenMs / 2);
      while (!this.#isStopped && (await this.#batch()))
        await new Promise<void>((resolve) => this.clock.after(BETWEEN_BATCHES_MS, resolve));
    } catch (error) {
      this.failed(error);
    } finally {
      this.#busy = false;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.stop();
  }

  async #batch(): Promise<boolean> {
    const { more } = await this.log.retain({
      now: this.clock.now(),
      settledMs: SETTLED_MS,
      appUnseenMs: this.appUnseenMs,
      idempotencyMs: IDEMPOTENCY_MS,
      batch: BATCH,
    });
    return more;
  }
}
