import type { Idempotency } from "./log-store.ts";

/** Idempotency keys are kept for so long, milliseconds. */
export const QUEUE_KEY_MS = 24 * 3_600_000;

/**
 * The message queue: frames that are to be pushed to their users, in order.
 *
 * Guarantees every implementation gives (`queue-store.contract.ts` shows them):
 * - an entry whose enqueue resolved as `queued` is on disk, and there until it is removed, set aside or cleared;
 * - one idempotency key of one caller makes one entry within 24 h, also when asked at once and after a restart;
 * - ids grow, are never used again, and show in order: once an entry can be read, none with a smaller id will come.
 */
export interface QueueStore {
  /**
   * Adds entries at the end, each for itself: outcomes come in order. Resolves once all that were taken are on disk.
   * @throws Error when the store cannot write at all; then none was taken
   */
  enqueue(entries: readonly NewQueueEntry[]): Promise<readonly EnqueueOutcome[]>;
  /** Entries that wait, with `id > after`, in order, at most `limit`. */
  next(after: number, limit: number): readonly QueueEntry[] | Promise<readonly QueueEntry[]>;
  /** The first entries that wait for one user, in order, at most `limit`. */
  nextOf(userId: number, limit: number): readonly QueueEntry[] | Promise<readonly QueueEntry[]>;
  /** Removes entries that have been pushed. */
  remove(ids: readonly number[]): Promise<void>;
  /** Takes an entry that can never be pushed out of the line, and keeps it; of many, the newest. */
  setAside(id: number, reason: string): Promise<void>;
  /**
   * Runs `listener` when entries may have come that another process added, or that another node was to push. Of the nodes
   * that serve one queue only one is shown what waits: two would push one user's entries out of order.
   */
  watch(listener: () => void): void;
  sizes(): QueueSizes | Promise<QueueSizes>;
  /** Forgets every entry, those that were set aside too. */
  clear(): Promise<void>;
}

/** What is to be pushed, and to whom. */
export interface NewQueueEntry {
  readonly userId: number;
  /** The whole frame as JSON text. */
  readonly frame: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly idempotency: Idempotency | null;
}

export interface QueueEntry {
  readonly id: number;
  readonly userId: number;
  readonly frame: string;
}

export type EnqueueOutcome =
  /** `size`: how many wait, this one included. */
  | { readonly kind: "queued"; readonly size: number }
  /** The key was seen before: the first answer again. */
  | { readonly kind: "duplicate"; readonly size: number }
  /** The key was used for another entry. */
  | { readonly kind: "conflict" }
  | { readonly kind: "full" }
  | { readonly kind: "no-user" };

export interface QueueSizes {
  readonly waiting: number;
  readonly setAside: number;
}

/** Most entries that wait, past which they are refused; and most that are kept of those that were set aside. */
export const DEFAULT_CAPACITY: QueueSizes = { waiting: 100_000, setAside: 10_000 };
