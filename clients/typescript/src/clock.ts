/** A timer that was started. */
export interface Timer {
  /** Lets its task never run. */
  stop(): void;
}

/** Where the client has its time from. */
export interface Clock {
  /** Milliseconds that only grow. */
  monotonic(): number;
  /** Runs `task` once after `delayMs`. */
  after(delayMs: number, task: () => void): Timer;
}

/** The longest a timer of the platform can wait, milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, Math.min(delayMs, LONGEST_MS));
    return { stop: () => clearTimeout(timer) };
  },
};
