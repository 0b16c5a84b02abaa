/** How often the loop is looked at, milliseconds. */
const LOOK_EVERY_MS = 5;

/** The longest time for which nothing else could run. */
export interface Stall {
  /** By the clock on the wall, milliseconds. */
  readonly wallMs: number;
  /** Of the process's own time in it, milliseconds: far less than the wall's where the machine was busy with others. */
  readonly cpuMs: number;
}

/** Watches how long the event loop of this process is held up. */
export class LoopWatch {
  #last = performance.now();
  #cpu = process.cpuUsage();
  #longest: Stall = { wallMs: 0, cpuMs: 0 };

  constructor() {
    setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** The longest stall since it was last asked. */
  take(): Stall {
    this.#look();
    const longest = this.#longest;
    this.#longest = { wallMs: 0, cpuMs: 0 };
    return longest;
  }

  /** What was done until now is no stall: whoever measures did it. */
  forgive(): void {
    this.#last = performance.now();
    this.#cpu = process.cpuUsage();
  }

  #look(): void {
    const wallMs = performance.now() - this.#last - LOOK_EVERY_MS;
    const { user, system } = process.cpuUsage(this.#cpu);
    if (wallMs > this.#longest.wallMs) this.#longest = { wallMs, cpuMs: (user + system) / 1_000 };
    this.forgive();
  }
}
