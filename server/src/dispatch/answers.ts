import type { Broker } from "../broker/broker.ts";
import type { Clock } from "../platform/clock.ts";

/** How long an answer is given again, milliseconds. */
const KEPT_MS = 10 * 60_000;
/** Most answers kept, and their text together in UTF-16 units; past either the oldest go. */
const MAX_ANSWERS = 50_000;
const MAX_CHARS = 16 * 1024 * 1024;

interface Answer {
  readonly frame: string;
  readonly at: number;
}

/**
 * What named consumers were answered lately, by the `id` of their frame: a frame that is sent again, because the
 * connection broke before its answer arrived, gets the same answer and does not run twice. Where nodes hear one another, also
 * at another than before: each says what it answered as it does, so that it is known there before the client has come.
 */
export class Answers {
  /** In the order they were given. */
  readonly #answers = new Map<string, Answer>();
  #chars = 0;

  constructor(
    private readonly clock: Clock,
    /** Absent: there is no other node. */
    private readonly broker?: Pick<Broker, "say">,
  ) {}

  find(consumer: string, id: string): string | undefined {
    const answer = this.#answers.get(keyOf(consumer, id));
    return answer !== undefined && this.clock.monotonic() - answer.at <= KEPT_MS ? answer.frame : undefined;
  }

  /** Keeps an answer, and tells the other nodes. */
  share(consumer: string, id: string, frame: string): void {
    this.keep(consumer, id, frame);
    this.broker?.say({ kind: "answer", consumer, id, frame });
  }

  /** Keeps an answer here: also what another node gave. */
  keep(consumer: string, id: string, frame: string): void {
    const key = keyOf(consumer, id);
    this.#drop(key);
    this.#answers.set(key, { frame, at: this.clock.monotonic() });
    this.#chars += frame.length;
    for (const [oldest, { at }] of this.#answers) {
      const crowded = this.#answers.size > MAX_ANSWERS || this.#chars > MAX_CHARS;
      if (!crowded && this.clock.monotonic() - at <= KEPT_MS) break;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.delete(key);
    this.#chars -= answer.frame.length;
  }
}

/** Consumers' names hold no space. */
function keyOf(consumer: string, id: string): string {
  return `${consumer} ${id}`;
}
