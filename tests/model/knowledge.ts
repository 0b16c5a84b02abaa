import { CONSUMERS, KINDS } from "./client.ts";
import type { Look } from "./disk.ts";
import type { Holds } from "./holds.ts";
import type { Process } from "./process.ts";
import type { Reference } from "./reference.ts";

/** Those of whose connections one at most is live, and on which everything is said. */
export const TAKEN_OVER: ReadonlySet<string> = new Set(
  KINDS.flatMap(({ isReliable, deviceId, consumer }) => (isReliable && deviceId !== null ? consumer : [])),
);

/** What processes know of consumers beside what they have written down, and lose when they die. */
export class Knowledge {
  readonly #firstSent = new Map<string, number>();
  /** Where each consumer was let in last. */
  readonly #lastAt = new Map<string, Process>();
  #order = 0;
  #isLate = false;
  /** A node was cut off: what it did meanwhile nobody could know. */
  isTorn = false;

  constructor(
    private readonly reference: Reference,
    private readonly holds: Holds,
  ) {}

  /** When a consumer was first sent a message, in the order of all that happened; undefined: never. */
  firstSent(consumer: string, id: string): number | undefined {
    return this.#firstSent.get(`${consumer} ${id}`);
  }

  /** Notes that now; answers the place in the order. */
  note(consumer: string, id?: string): number {
    const key = `${consumer} ${id}`;
    this.#order += 1;
    if (id !== undefined && !this.#firstSent.has(key)) this.#firstSent.set(key, this.#order);
    return this.#order;
  }

  /** A connection was let in as this consumer; answers whether another process had it before. */
  letIn(consumer: string, process: Process): boolean {
    const before = this.#lastAt.get(consumer);
    this.holds.joined(consumer);
    this.#lastAt.set(consumer, process);
    return before !== undefined && before !== process;
  }

  /** A node may be too slow for another that takes over: what it knows of attempts may be written late, or too late. */
  mayBeLate(): void {
    this.#isLate = true;
  }

  /** A node is cut off from the others, and does not know of those who take over from it. */
  tear(): void {
    this.isTorn = this.#isLate = true;
  }

  /** Whether a consumer's attempts are known to the last. */
  isExact(consumer: string): boolean {
    return TAKEN_OVER.has(consumer) && !this.#isLate;
  }

  /** What none of those that run knows any more is as the disk has it; `isOwn`: which is as those before left it. */
  recall({ cursors }: Look, running: readonly Process[], isOwn: boolean): void {
    for (const consumer of CONSUMERS) {
      const cursor = cursors.get(consumer);
      const last = this.#lastAt.get(consumer);
      if (last !== undefined && running.includes(last)) continue;
      if (cursor !== undefined) {
        this.reference.beginTries(consumer, cursor.acked, cursor.attempts, isOwn && this.isExact(consumer));
        continue;
      }
      // Who had no cursor yet is not known to have been sent anything.
      for (const key of [...this.#firstSent.keys()]) if (key.startsWith(`${consumer} `)) this.#firstSent.delete(key);
    }
  }
}
