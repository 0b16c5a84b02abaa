/** Things that arrive, in order, for somebody who waits for them. */
export class Mailbox<Item> {
  /** Everything that ever arrived. */
  readonly all: Item[] = [];
  #taken = 0;
  #ended: Error | undefined;
  #waiting: (() => void)[] = [];

  push(item: Item): void {
    this.all.push(item);
    this.#wake();
  }

  /** Nothing more will come: whoever waits, or asks once all is taken, gets `error`. */
  end(error: Error): void {
    this.#ended = error;
    this.#wake();
  }

  /** What arrived and was not taken. */
  get waiting(): readonly Item[] {
    return this.all.slice(this.#taken);
  }

  /** Takes the next item, as soon as there is one. */
  next(): Promise<Item> {
    return this.nextWhere(() => true);
  }

  /** Takes the next item that `wanted` picks; those before it are passed over. */
  async nextWhere(wanted: (item: Item) => boolean): Promise<Item> {
    for (;;) {
      while (this.#taken < this.all.length) {
        const item = this.all[this.#taken++] as Item;
        if (wanted(item)) return item;
      }
      if (this.#ended !== undefined) throw this.#ended;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Whoever waits looks again; who finds nothing waits on. */
  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
