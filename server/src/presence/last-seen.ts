import type { Clock, Timer } from "../platform/clock.ts";
import type { Devices } from "../store/devices.ts";

const WRITE_EVERY_MS = 60_000;
/** Most devices whose last sign of life waits to be written; further ones are noted when they next leave. */
const MAX_UNWRITTEN = 10_000;

/** Notes when devices were last connected, and writes it now and then: presence is worth no fsync of its own. */
export class LastSeen {
  readonly #seen = new Map<number, number>();
  readonly #timer: Timer;
  #written = Promise.resolve();

  constructor(
    private readonly devices: Devices,
    private readonly clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timer = clock.every(WRITE_EVERY_MS, () => void this.flush());
  }

  /** A device's connection ended. */
  note(deviceId: number): void {
    if (this.#seen.size < MAX_UNWRITTEN || this.#seen.has(deviceId)) this.#seen.set(deviceId, this.clock.now());
  }

  /** When a device left, if that is not written yet. */
  get(deviceId: number): number | undefined {
    return this.#seen.get(deviceId);
  }

  /** Writes what is not written yet; resolves once that, and what was being written already, is done. */
  flush(): Promise<void> {
    this.#written = this.#written.then(() => this.#write());
    return this.#written;
  }

  stop(): void {
    this.#timer.stop();
  }

  async #write(): Promise<void> {
    const seen = new Map(this.#seen);
    try {
      await this.devices.markSeen(seen);
      for (const [deviceId, at] of seen) if (this.#seen.get(deviceId) === at) this.#seen.delete(deviceId);
    } catch (error) {
      this.failed(error);
    }
  }
}
