import { type LtyClient, REQUEST_MS } from "./client.ts";
import type { Clock } from "./clock.ts";
import { LtyError } from "./errors.ts";
import type { ServerFrame } from "./frames.ts";
import { uniquePrefix } from "./ids.ts";
import { withResolvers } from "./loop.ts";
import type { RequestOptions } from "./options.ts";
import { type Answer, type Ask, errorOf, failureOf, type Note } from "./tab-notes.ts";

const MOST_ASKED = 100;

interface Question {
  ask(): void;
  resolve(frame: ServerFrame): void;
  reject(error: unknown): void;
}

/** Requests of one tab: asked of whoever holds the connection, and under the same id of whoever holds it next. */
export class TabRequests {
  readonly #open = new Map<string, Question>();
  readonly #prefix = uniquePrefix();
  #asked = 0;

  /** `say` brings a note to the holder, which may be this tab. */
  constructor(
    private readonly clock: Clock,
    private readonly say: (note: Note) => void,
  ) {}

  /** @throws LtyError as `LtyClient.request` */
  async ask(
    type: string,
    message: unknown,
    { timeoutMs = REQUEST_MS, signal, id = `${this.#prefix}-${++this.#asked}` }: RequestOptions,
  ): Promise<ServerFrame> {
    signal?.throwIfAborted();
    if (this.#open.size >= MOST_ASKED) throw new LtyError("OUTBOX_FULL", `${MOST_ASKED} requests wait already`);
    if (this.#open.has(id)) throw new LtyError("ID_IN_USE", `${id} is under way already`);
    const { promise, resolve, reject } = withResolvers<ServerFrame>();
    const dueAt = this.clock.monotonic() + timeoutMs;
    const ask = () => {
      this.say({ kind: "ask", id, type, message, timeoutMs: Math.max(0, dueAt - this.clock.monotonic()) });
    };
    const giveUp = (reason: unknown) => {
      reject(reason);
      this.say({ kind: "forget", id });
    };
    const timer = this.clock.after(timeoutMs, () => giveUp(new LtyError("TIMEOUT", "no reply in time")));
    const abort = () => giveUp(signal?.reason);
    signal?.addEventListener("abort", abort);
    this.#open.set(id, { ask, resolve, reject });
    try {
      ask();
      return await promise;
    } finally {
      timer.stop();
      signal?.removeEventListener("abort", abort);
      this.#open.delete(id);
    }
  }

  /** Another holds the connection now. */
  askAgain(): void {
    for (const { ask } of this.#open.values()) ask();
  }

  /** False where it is no request of this tab's. */
  settle({ id, outcome }: Answer): boolean {
    const question = this.#open.get(id);
    if (question === undefined) return false;
    if ("frame" in outcome) question.resolve(outcome.frame);
    else question.reject(errorOf(outcome.failure));
    return true;
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#open.values()) reject(error);
  }
}

/** What the tab that holds the connection asks for all of them. */
export class TabAnswers {
  readonly #underWay = new Map<string, AbortController>();

  constructor(
    private readonly client: LtyClient,
    private readonly said: (answer: Answer) => void,
  ) {}

  /** Asks, unless it is asked already: a tab cannot know, and asks again when in doubt. */
  async ask({ id, type, message, timeoutMs }: Ask): Promise<void> {
    if (this.#underWay.has(id)) return;
    const abort = new AbortController();
    this.#underWay.set(id, abort);
    try {
      const frame = await this.client.request(type, message, { id, timeoutMs, signal: abort.signal });
      this.said({ kind: "answer", id, outcome: { frame } });
    } catch (error) {
      if (!abort.signal.aborted) this.said({ kind: "answer", id, outcome: { failure: failureOf(error) } });
    } finally {
      this.#underWay.delete(id);
    }
  }

  forget(id: string): void {
    this.#underWay.get(id)?.abort();
  }

  /** Answers nobody any more: the next holder will be asked. */
  end(): void {
    for (const abort of this.#underWay.values()) abort.abort();
  }
}
