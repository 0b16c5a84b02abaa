import type { Answer } from "./http-connection.ts";
import type { Arrival } from "./lty-client.ts";

/** What became of a send, as its sender knows. */
type State = "waiting" | "accepted" | "unanswered" | "refused";

interface Entry {
  readonly userId: number;
  /** The highest `seq` that this user's answers had shown when it was sent. */
  readonly after: number;
  state: State;
  seq: number;
  messageId: string;
  arrivals: number;
  arrivedSeq: number;
  arrivedId: string;
}

/** Every send and every arrival, kept outside the server. Sends are numbered, and their number is what is sent. */
export class Ledger {
  readonly #entries: Entry[] = [];
  readonly #tops = new Map<number, number>();
  /** Arrivals that break the order of a device: each `seq` follows the one before. */
  readonly disorder: string[] = [];
  readonly #handled = new Map<number, number>();
  accepted = 0;
  #missing = 0;
  #whenComplete: (() => void) | undefined;

  /** Notes a send before it is made; answers its number. */
  issue(userId: number): number {
    const after = this.#tops.get(userId) ?? 0;
    const entry: Entry = {
      ...{ userId, after, state: "waiting", seq: 0, messageId: "" },
      ...{ arrivals: 0, arrivedSeq: 0, arrivedId: "" },
    };
    return this.#entries.push(entry) - 1;
  }

  /** Notes the answer to a send, or that there was none. */
  answered(n: number, answer: Answer | null): void {
    const entry = this.#entry(n);
    if (answer === null) entry.state = "unanswered";
    else if (answer.status < 200 || answer.status > 299) entry.state = "refused";
    else {
      const { data } = JSON.parse(answer.body) as { data: { seq: number; message_id: string } };
      entry.state = "accepted";
      entry.seq = data.seq;
      entry.messageId = data.message_id;
      this.accepted += 1;
      this.#tops.set(entry.userId, Math.max(this.#tops.get(entry.userId) ?? 0, data.seq));
      if (entry.arrivals === 0) this.#missing += 1;
    }
  }

  /** Notes that the handler of the user's device was given a message. */
  arrived(userId: number, { seq, message_id, message }: Arrival): void {
    const n = (message as { n: number }).n;
    const entry = this.#entry(n);
    entry.arrivals += 1;
    entry.arrivedSeq = seq;
    entry.arrivedId = message_id;
    const before = this.#handled.get(userId) ?? 0;
    if (seq !== before + 1) this.disorder.push(`user ${userId}: ${seq} after ${before}`);
    this.#handled.set(userId, Math.max(before, seq));
    if (entry.userId !== userId) this.disorder.push(`user ${userId}: a message of user ${entry.userId}`);
    if (entry.state !== "accepted" || entry.arrivals > 1) return;
    this.#missing -= 1;
    if (this.#missing === 0) this.#whenComplete?.();
  }

  /** Resolves when everything accepted has arrived, or after `ms`. */
  async complete(ms: number): Promise<void> {
    if (this.#missing === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenComplete = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  count(state: State): number {
    return this.#entries.filter((entry) => entry.state === state).length;
  }

  /** Unanswered sends that arrived all the same. */
  get unansweredArrived(): number {
    return this.#entries.filter(({ state, arrivals }) => state === "unanswered" && arrivals > 0).length;
  }

  /** Answered 2xx, and never handled. */
  lost(): string[] {
    return this.#list(({ state, arrivals }) => state === "accepted" && arrivals === 0);
  }

  /** Handled more than once, under whatever `message_id`. */
  handledTwice(): string[] {
    return this.#list(({ arrivals }) => arrivals > 1);
  }

  /** Handled under another `seq` or id than the sender was told. */
  misnamed(): string[] {
    return this.#list(
      ({ state, arrivals, seq, messageId, arrivedSeq, arrivedId }) =>
        state === "accepted" && arrivals > 0 && (seq !== arrivedSeq || messageId !== arrivedId),
    );
  }

  /** Sent after the answer to another one, and yet before it in the log. */
  overtaken(): string[] {
    return this.#list(({ state, seq, after }) => state === "accepted" && seq <= after);
  }

  /** Refused, and handled all the same. */
  refusedArrived(): string[] {
    return this.#list(({ state, arrivals }) => state === "refused" && arrivals > 0);
  }

  #list(which: (entry: Entry) => boolean): string[] {
    return this.#entries.flatMap((entry, n) =>
      which(entry) ? [`send ${n} of user ${entry.userId}, seq ${entry.seq}/${entry.arrivedSeq}`] : [],
    );
  }

  #entry(n: number): Entry {
    const entry = this.#entries[n];
    if (entry === undefined) throw new Error(`nobody sent ${n}`);
    return entry;
  }
}
