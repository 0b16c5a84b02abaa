import { closeSync, openSync, readSync } from "node:fs";

/** How often the loop is looked at, milliseconds. */
const LOOK_EVERY_MS = 5;

/** The longest time for which nothing else could run. */
export interface Stall {
  /** By the clock on the wall, milliseconds. */
  readonly wallMs: number;
  /** Without the time for which the thread was ready to go on and the machine was busy with others, milliseconds. */
  readonly ownMs: number;
}

export const NO_STALL: Stall = { wallMs: 0, ownMs: 0 };

/** The longer of each. */
export function longer(one: Stall, other: Stall): Stall {
  return { wallMs: Math.max(one.wallMs, other.wallMs), ownMs: Math.max(one.ownMs, other.ownMs) };
}

/** `12 ms, 10 ms without others` */
export function describeStall({ wallMs, ownMs }: Stall): string {
  return `${wallMs.toFixed(0)} ms, ${ownMs.toFixed(0)} ms without waiting for a processor`;
}

/** Watches how long the event loop of this process is held up. */
export class LoopWatch {
  readonly #waiting = new WaitingTime();
  #last = performance.now();
  #waited = this.#waiting.read();
  #longest = NO_STALL;

  constructor() {
    setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** The longest stall since it was last asked. */
  take(): Stall {
    this.#look();
    const longest = this.#longest;
    this.#longest = NO_STALL;
    return longest;
  }

  /** What was done until now is no stall: whoever measures did it. */
  forgive(): void {
    this.#last = performance.now();
    this.#waited = this.#waiting.read();
  }

  #look(): void {
    const wallMs = Math.max(0, performance.now() - this.#last - LOOK_EVERY_MS);
    const ownMs = Math.max(0, wallMs - (this.#waiting.read() - this.#waited));
    this.#longest = longer(this.#longest, { wallMs, ownMs });
    this.forgive();
  }
}

/** How long the main thread has waited for a processor in all its life: Linux counts it. */
class WaitingTime {
  readonly #buffer = Buffer.alloc(128);

  /** Milliseconds; 0 where it is not counted. */
  read(): number {
    try {
      // Opened anew: what was read once is not told again.
      const file = openSync("/proc/self/schedstat", "r");
      const length = readSync(file, this.#buffer, 0, this.#buffer.length, 0);
      closeSync(file);
      return Number(this.#buffer.toString("latin1", 0, length).split(" ")[1]) / 1e6;
    } catch {
      return 0;
    }
  }
}
