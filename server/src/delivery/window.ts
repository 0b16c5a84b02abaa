/** Most messages under way to one connection. */
export const MAX_IN_FLIGHT = 64;
/** Most bytes under way to one connection. */
export const MAX_IN_FLIGHT_BYTES = 256 * 1024;

/** A message that was sent and not acknowledged, or a stretch that was passed over. */
interface Entry {
  /** The message's, or the last one of the stretch. */
  seq: number;
  readonly bytes: number;
  readonly skipped: boolean;
  /** Monotonic ms. */
  readonly sentAt: number;
}

/**
 * What one connection was sent and has not acknowledged, in order. What was passed over counts as handled as soon as
 * everything before it is.
 */
export class Window {
  readonly #entries: Entry[] = [];
  #inFlight = 0;
  #bytes = 0;

  constructor(
    /** Everything up to here was handled. */
    public acked: number,
    /** Everything up to here was sent or passed over. */
    public sent: number = acked,
  ) {}

  get room(): number {
    return this.#bytes >= MAX_IN_FLIGHT_BYTES ? 0 : MAX_IN_FLIGHT - this.#inFlight;
  }

  /** How many messages of so many bytes each may go out as well; one alone always may. */
  roomFor(bytes: number): number {
    return Math.max(1, Math.min(this.room, Math.ceil((MAX_IN_FLIGHT_BYTES - this.#bytes) / bytes)));
  }

  /** Whether a message of so many bytes may go out as well; one alone always may. */
  fits(bytes: number): boolean {
    return this.#inFlight === 0 || this.#bytes + bytes <= MAX_IN_FLIGHT_BYTES;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The first message that was not acknowledged. */
  get head(): { readonly seq: number; readonly sentAt: number } | undefined {
    return this.#entries[0];
  }

  send(seq: number, bytes: number, now: number): void {
    this.sent = seq;
    this.#entries.push({ seq, bytes, skipped: false, sentAt: now });
    this.#inFlight += 1;
    this.#bytes += bytes;
  }

  /** Passes over everything up to `seq`. */
  skip(seq: number, now: number): void {
    this.sent = seq;
    const last = this.#entries.at(-1);
    if (last === undefined) this.acked = seq;
    // However much is passed over behind a message, it is one stretch.
    else if (last.skipped) last.seq = seq;
    else this.#entries.push({ seq, bytes: 0, skipped: true, sentAt: now });
  }

  /**
   * Everything up to `seq` was handled. Answers whether that moved anything; a `seq` that was not sent here, or was
   * acknowledged before, moves nothing.
   */
  acknowledge(seq: number): boolean {
    if (!Number.isSafeInteger(seq) || seq <= this.acked || seq > this.sent) return false;
    this.acked = seq;
    let done = 0;
    for (const entry of this.#entries) {
      if (entry.seq > this.acked && !entry.skipped) break;
      done += 1;
      if (entry.skipped) this.acked = Math.max(this.acked, entry.seq);
      else {
        this.#inFlight -= 1;
        this.#bytes -= entry.bytes;
      }
    }
    this.#entries.splice(0, done);
    return true;
  }
}
