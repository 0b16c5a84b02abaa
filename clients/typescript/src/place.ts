import { readName, readSeq } from "./wire.ts";

const REMEMBERED = 256;

/** What stands in the storage. */
interface Stored {
  readonly consumer: string | null;
  readonly epoch: string | null;
  readonly seq: number;
  readonly last: string | null;
  readonly seen: readonly string[];
}

/** Where a client stands in its log, and the ids it handled last (256 of them). */
export class Place {
  consumer: string | null = null;
  epoch: string | null = null;
  /** `seq` of the message that was handled last; 0 for none. */
  seq = 0;
  /** Its `message_id`. */
  last: string | null = null;
  readonly #seen = new Set<string>();

  /** Reads what `text` made; anything else is a place at the beginning. */
  static parse(text: string | null | undefined): Place {
    const place = new Place();
    try {
      const { consumer, epoch, seq, last, seen } = JSON.parse(text ?? "") as Stored;
      for (const id of seen) place.#seen.add(String(id));
      place.consumer = readName(consumer);
      place.epoch = readName(epoch);
      place.seq = readSeq(seq) ?? 0;
      place.last = readName(last);
    } catch {
      // Nothing was kept, or not by us.
    }
    return place;
  }

  /** For the storage, all of it in one write. */
  get text(): string {
    const { consumer, epoch, seq, last } = this;
    return JSON.stringify({ consumer, epoch, seq, last, seen: [...this.#seen] } satisfies Stored);
  }

  /** What a handshake says of it; nothing where nothing was handled. */
  get introduction(): object {
    return this.last === null ? {} : { epoch: this.epoch, seq: this.seq, last: this.last };
  }

  has(messageId: string): boolean {
    return this.#seen.has(messageId);
  }

  /** A message was handled; of another epoch, only its id counts. */
  handled(messageId: string, seq: number, epoch: string | null): void {
    this.#seen.delete(messageId);
    this.#seen.add(messageId);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= REMEMBERED) break;
      this.#seen.delete(oldest);
    }
    if (epoch !== this.epoch || seq <= this.seq) return;
    this.seq = seq;
    this.last = messageId;
  }

  /** Who it is and which log it reads, as the greeting says. */
  enter(consumer: string | null, epoch: string | null): void {
    if (this.consumer !== null && consumer !== this.consumer) this.#seen.clear();
    if (this.consumer !== consumer || this.epoch !== epoch) this.reset(epoch);
    this.consumer = consumer;
  }

  /** The log went back: the ids stay, the place does not. */
  reset(epoch: string | null): void {
    this.epoch = epoch;
    this.seq = 0;
    this.last = null;
  }
}
