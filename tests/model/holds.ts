import type { Reference } from "./reference.ts";

/** `passed`: with what may have been given up on. `claimed`: what was acknowledged, and no more. */
interface Held {
  readonly passed: number;
  readonly claimed: number;
  readonly of: object | undefined;
}

/** Where the furthest behind of those that left a consumer stood: its cursor stays there until somebody joins it. */
export class Holds {
  readonly #held = new Map<string, Held>();

  constructor(private readonly reference: Reference) {}

  /** A connection was let in as this consumer. */
  joined(consumer: string): void {
    this.#held.delete(consumer);
  }

  /** One that was is over. */
  left(consumer: string, passed: number, claimed: number): void {
    this.#hold(consumer, Math.min(this.of(consumer), passed), Math.min(this.claimedOf(consumer), claimed));
  }

  /** Whoever left had handled more, by its own proven word. */
  moveUp(consumer: string, seq: number): void {
    if (!this.#held.has(consumer)) return;
    this.#hold(consumer, Math.max(this.of(consumer), seq), Math.max(this.claimedOf(consumer), seq));
  }

  /** Where one stood that left, or infinity; that, too, where it was an app that was forgotten since, and met anew. */
  of(consumer: string): number {
    return this.#find(consumer)?.passed ?? Number.POSITIVE_INFINITY;
  }

  /** As `of`, but only what it had acknowledged itself. */
  claimedOf(consumer: string): number {
    return this.#find(consumer)?.claimed ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing is known of it any more: it changed hands. */
  forget(consumer: string): void {
    this.#held.delete(consumer);
  }

  /** The process is gone that knew. */
  clear(): void {
    this.#held.clear();
  }

  #find(consumer: string): Held | undefined {
    const held = this.#held.get(consumer);
    return held?.of === this.reference.timeline.starts.get(consumer) ? held : undefined;
  }

  #hold(consumer: string, passed: number, claimed: number): void {
    this.#held.set(consumer, { passed, claimed, of: this.reference.timeline.starts.get(consumer) });
  }
}
