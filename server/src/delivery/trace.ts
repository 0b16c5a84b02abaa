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

/** What is remembered of one consumer of a message; further consumers hang on it. */
interface Entry {
  readonly consumer: string;
  readonly deliveredAt: number;
  acknowledgedAt: number | null;
  next: Entry | undefined;
}

interface Traced {
  readonly userId: number;
  readonly seq: number;
}

/** Remembers, for the last 10,000 messages of this process, when they were delivered and acknowledged. */
export class DeliveryTrace {
  /** By user and `seq`: numbers are found without a text being made of them. */
  readonly #users = new Map<number, Map<number, Entry>>();
  /** The remembered messages in a ring: the next place holds the oldest. A map that is emptied from its front grows slow to iterate. */
  readonly #ring: Traced[] = [];
  #next = 0;

  delivered(userId: number, seq: number, consumer: string, at: number): void {
    let messages = this.#users.get(userId);
    if (messages === undefined) {
      messages = new Map();
      this.#users.set(userId, messages);
    }
    const first = messages.get(seq);
    if (first === undefined) {
      messages.set(seq, { consumer, deliveredAt: at, acknowledgedAt: null, next: undefined });
      this.#remember(userId, seq);
      return;
    }
    let last = first;
    for (let count = 1; count <= MAX_CONSUMERS; count++) {
      if (last.consumer === consumer) return;
      if (last.next === undefined) {
        if (count < MAX_CONSUMERS) last.next = { consumer, deliveredAt: at, acknowledgedAt: null, next: undefined };
        return;
      }
      last = last.next;
    }
  }

  acknowledged(userId: number, seq: number, consumer: string, at: number): void {
    const known = this.#entry(userId, seq, consumer);
    if (known !== undefined) known.acknowledgedAt ??= at;
  }

  find(userId: number, seq: number, consumer: string): DeliveryTimes {
    const known = this.#entry(userId, seq, consumer);
    return known === undefined ? UNKNOWN : { deliveredAt: known.deliveredAt, acknowledgedAt: known.acknowledgedAt };
  }

  #entry(userId: number, seq: number, consumer: string): Entry | undefined {
    let entry = this.#users.get(userId)?.get(seq);
    while (entry !== undefined && entry.consumer !== consumer) entry = entry.next;
    return entry;
  }

  /** In the place of the oldest. */
  #remember(userId: number, seq: number): void {
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined) {
      const messages = this.#users.get(oldest.userId);
      messages?.delete(oldest.seq);
      if (messages?.size === 0) this.#users.delete(oldest.userId);
    }
    this.#ring[this.#next] = { userId, seq };
    this.#next = (this.#next + 1) % TRACED_MESSAGES;
  }
}
