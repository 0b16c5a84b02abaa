/** Messages whose times are remembered. */
export const TRACED_MESSAGES = 10_000;
/** Consumers of one message whose times are remembered: a user's devices and apps, and some more. */
const MAX_CONSUMERS = 64;

/** When a consumer was sent a message, and acknowledged it: milliseconds since the epoch, or null when it did not or is not known. */
export interface DeliveryTimes {
  readonly deliveredAt: number | null;
  readonly acknowledgedAt: number | null;
}

const UNKNOWN: DeliveryTimes = { deliveredAt: null, acknowledgedAt: null };

/** Remembers, for the last 10,000 messages of this process, when they were delivered and acknowledged. */
export class DeliveryTrace {
  readonly #messages = new Map<string, Map<string, DeliveryTimes>>();
  /** The remembered messages in a ring: the next place holds the oldest. A map that is emptied from its front grows slow to iterate. */
  readonly #ring: (string | undefined)[] = [];
  #next = 0;

  delivered(userId: number, seq: number, consumer: string, at: number): void {
    const times = this.#times(userId, seq);
    if (times.size < MAX_CONSUMERS && !times.has(consumer))
      times.set(consumer, { deliveredAt: at, acknowledgedAt: null });
  }

  acknowledged(userId: number, seq: number, consumer: string, at: number): void {
    const times = this.#messages.get(keyOf(userId, seq));
    const known = times?.get(consumer);
    if (known !== undefined && known.acknowledgedAt === null) times?.set(consumer, { ...known, acknowledgedAt: at });
  }

  find(userId: number, seq: number, consumer: string): DeliveryTimes {
    return this.#messages.get(keyOf(userId, seq))?.get(consumer) ?? UNKNOWN;
  }

  #times(userId: number, seq: number): Map<string, DeliveryTimes> {
    const key = keyOf(userId, seq);
    let times = this.#messages.get(key);
    if (times === undefined) {
      times = new Map();
      this.#messages.set(key, times);
      const oldest = this.#ring[this.#next];
      if (oldest !== undefined) this.#messages.delete(oldest);
      this.#ring[this.#next] = key;
      this.#next = (this.#next + 1) % TRACED_MESSAGES;
    }
    return times;
  }
}

function keyOf(userId: number, seq: number): string {
  return `${userId} ${seq}`;
}
