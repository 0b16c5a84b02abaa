import type { PushedFrame } from "./frames.ts";

/** What became of a message: handled, or its loop was left with it. */
export type Outcome = "handled" | "left";

interface Turn {
  readonly frame: PushedFrame;
  decide(outcome: Outcome): void;
}

/**
 * The iterator behind `messages()`: a message counts as handled when the next is asked for. However a loop is left, by an
 * exception or by `break`, the message that it was left with is not handled, unless `handled` was called with it.
 */
export class MessageLoop implements AsyncIterableIterator<PushedFrame, undefined> {
  #turn: Turn | undefined;
  /** It was given out, and not yet asked for the next. */
  #isOut = false;
  #asker: PromiseWithResolvers<IteratorResult<PushedFrame, undefined>> | undefined;
  #ended: { readonly error: Error | null } | undefined;

  /** `whenLeft` is called once, when nobody will ask again. */
  constructor(private readonly whenLeft: () => void) {}

  /** Gives it a message; resolves when it is done with it. */
  offer(frame: PushedFrame): Promise<Outcome> {
    if (this.#ended !== undefined) return Promise.resolve("left");
    return new Promise((decide) => {
      this.#turn = { frame, decide };
      this.#give();
    });
  }

  /** The message that is out was handled, though the loop may end here. */
  handled(frame: PushedFrame): void {
    if (this.#turn?.frame === frame) this.#decide("handled");
  }

  /** No more will come: whoever asks gets the end, or `error`. */
  end(error: Error | null): void {
    if (this.#ended !== undefined) return;
    this.#ended = { error };
    if (!this.#isOut) this.#decide("left");
    const asker = this.#asker;
    this.#asker = undefined;
    if (error === null) asker?.resolve({ done: true, value: undefined });
    else asker?.reject(error);
  }

  next(): Promise<IteratorResult<PushedFrame, undefined>> {
    if (this.#isOut) this.#decide("handled");
    if (this.#ended !== undefined) {
      const { error } = this.#ended;
      return error === null ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    this.#asker = withResolvers();
    const { promise } = this.#asker;
    this.#give();
    return promise;
  }

  return(): Promise<IteratorResult<PushedFrame, undefined>> {
    this.#decide("left");
    this.end(null);
    this.whenLeft();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #give(): void {
    if (this.#turn === undefined || this.#asker === undefined || this.#isOut) return;
    this.#isOut = true;
    const asker = this.#asker;
    this.#asker = undefined;
    asker.resolve({ done: false, value: this.#turn.frame });
  }

  #decide(outcome: Outcome): void {
    const turn = this.#turn;
    this.#turn = undefined;
    this.#isOut = false;
    turn?.decide(outcome);
  }
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function withResolvers<Value>(): PromiseWithResolvers<Value> {
  let resolve: PromiseWithResolvers<Value>["resolve"] = () => {};
  let reject: PromiseWithResolvers<Value>["reject"] = () => {};
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
