/** Who wants to be told of something. */
export class Emitter<Value> {
  readonly #listeners = new Set<(value: Value) => void>();

  /** What a listener throws goes to `failed`: it is no affair of the others, nor of whoever tells. */
  constructor(private readonly failed: (cause: unknown) => void) {}

  /** Adds a listener. Answers what removes it. */
  add(listener: (value: Value) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(value: Value): void {
    for (const listener of this.#listeners) {
      try {
        listener(value);
      } catch (cause) {
        this.failed(cause);
      }
    }
  }
}

/** Throws what nobody else would hear of, where the platform reports it. */
export function throwLater(cause: unknown): void {
  queueMicrotask(() => {
    throw cause;
  });
}
