import type { Clock, Timer } from "../platform/clock.ts";
import type { Registry } from "../session/registry.ts";
import type { LogStore } from "../store/log-store.ts";

/** Every connected user's top is looked at this often, milliseconds: what a lost hint costs at most. */
export const SWEEP_MS = 2_000;
/** The sweep is cut in slices, so that no turn of the loop has much to do. */
const SLICES = 20;
/** Most users that are looked at together out of turn. */
const AT_ONCE = 1_000;

/** Makes hints a mere optimisation: whoever was not told that there is more finds out here. */
export class Sweep {
  readonly #timer: Timer;
  #users: number[] = [];
  #busy = false;
  /** Slices until the next round may begin. */
  #restFor = 0;

  constructor(
    private readonly log: LogStore,
    private readonly registry: Registry,
    clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timer = clock.every(SWEEP_MS / SLICES, () => void this.#slice());
  }

  stop(): void {
    this.#timer.stop();
  }

  /** Looks at these users now, whether there is news or not. */
  async look(userIds: readonly number[]): Promise<void> {
    try {
      for (let start = 0; start < userIds.length; start += AT_ONCE) {
        this.#catchUp(await this.log.tops(userIds.slice(start, start + AT_ONCE)));
      }
    } catch (error) {
      this.failed(error);
    }
  }

  #catchUp(tops: ReadonlyMap<number, number>): void {
    for (const [userId, top] of tops) this.registry.users.each(userId, (session) => session.catchUp(top));
  }

  /** Begins a round; answers false where nothing was written since the last. */
  async #begin(): Promise<boolean> {
    if (--this.#restFor > 0) return false;
    this.#restFor = SLICES;
    if (!(await this.log.hasNews())) return false;
    this.#restFor = 0;
    this.#users = [...this.registry.users.topics()];
    return true;
  }

  async #slice(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      if (this.#users.length === 0 && !(await this.#begin())) return;
      const slice = this.#users.splice(0, Math.ceil(this.registry.users.size / SLICES));
      if (slice.length === 0) return;
      const found = this.log.tops(slice);
      const tops = found instanceof Promise ? await found : found;
      this.#catchUp(tops);
    } catch (error) {
      this.failed(error);
    } finally {
      this.#busy = false;
    }
  }
}
