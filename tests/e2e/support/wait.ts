/** How long a test waits for something that should come at once, on a machine that is busy with others, milliseconds. */
export const PATIENCE_MS = 20_000;

/** What `promise` resolves to; fails, naming `what`, when that takes longer than `ms`. */
export async function within<Value>(promise: Promise<Value>, what: string, ms = PATIENCE_MS): Promise<Value> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Events in the order they came, to be taken one by one. */
export class Queue<Item> {
  readonly #items: Item[] = [];
  readonly #takers: { resolve(item: Item): void; reject(error: Error): void }[] = [];
  #ended: Error | undefined;

  push(item: Item): void {
    const taker = this.#takers.shift();
    if (taker) taker.resolve(item);
    else this.#items.push(item);
  }

  /** Nothing more will come: whoever waits fails with `error`. */
  end(error: Error): void {
    this.#ended = error;
    for (const taker of this.#takers.splice(0)) taker.reject(error);
  }

  /** The next item, waiting for it. */
  take(what: string, ms = PATIENCE_MS): Promise<Item> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#ended) return Promise.reject(this.#ended);
    const coming = new Promise<Item>((resolve, reject) => this.#takers.push({ resolve, reject }));
    return within(coming, what, ms);
  }

  /** What came and was not taken. */
  drain(): Item[] {
    return this.#items.splice(0);
  }
}
