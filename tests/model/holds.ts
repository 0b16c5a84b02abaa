import type { Reference } from "./reference.ts";

/** Where the furthest behind of those that left a consumer stood: its cursor stays there until somebody joins it. */
export class Holds {
  readonly #held = new Map<string, { readonly passed: number; readonly of: object | undefined }>();

  constructor(private readonly reference: Reference) {}

  /** A connection was let in as this consumer. */
  joined(consumer: string): void {
    this.#held.delete(consumer);
  }

  /** One that was is over. */
  left(consumer: string, passed: number): void {
    this.#hold(consumer, Math.min(this.of(consumer), passed));
  }

  /** Whoever left had handled more, by its own proven word. */
  moveUp(consumer: string, seq: number): void {
    if (this.#held.has(consumer)) this.#hold(consumer, Math.max(this.of(consumer), seq));
  }

  /** Where one stood that left, or infinity; that, too, where it was an app that was forgotten since, and met anew. */
  of(consumer: string): number {
    const held = this.#held.get(consumer);
    const isSame = held !== undefined && held.of === this.reference.timeline.starts.get(consumer);
    return isSame ? held.passed : Number.POSITIVE_INFINITY;
  }

  /** Nothing is known of it any more: it changed hands. */
  forget(consumer: string): void {
    this.#held.delete(consumer);
  }

  /** The process is gone that knew. */
  clear(): void {
    this.#held.clear();
  }

  #hold(consumer: string, passed: number): void {
    this.#held.set(consumer, { passed, of: this.reference.timeline.starts.get(consumer) });
  }
}
