import type { ErrorCode } from "@qy-lty/protocol";
import { Tally } from "../observe/counts.ts";
import { Latency } from "../observe/latency.ts";

/** Most messages in one transaction. */
const LARGEST_BATCH = 64;

/** What the log can refuse a push with. */
const REFUSALS: readonly ErrorCode[] = [
  "NOT_FOUND",
  "DEVICE_NOT_BOUND",
  "CONFLICT",
  "QUOTA_EXCEEDED",
  "UNAVAILABLE",
  "INTERNAL_ERROR",
];

/** How many messages went to the disk together. */
export class BatchSizes {
  readonly #bySize = new Float64Array(LARGEST_BATCH + 1);
  count = 0;
  sum = 0;

  add(size: number): void {
    const slot = Math.min(size, LARGEST_BATCH);
    this.#bySize[slot] = (this.#bySize[slot] ?? 0) + 1;
    this.count += 1;
    this.sum += size;
  }

  /** How many batches were of `size` messages at most. */
  upTo(size: number): number {
    return this.#bySize.subarray(0, size + 1).reduce((sum, count) => sum + count, 0);
  }
}

/** What was asked to be said, and what became of that. */
export class PushCounts {
  /** On disk, to be delivered for certain. */
  accepted = 0;
  /** For who was connected, and kept nowhere. */
  ephemeral = 0;
  /** Asked for before under the same idempotency key. */
  duplicate = 0;
  /** To every connection. */
  broadcast = 0;
  readonly refused = new Tally<ErrorCode>(REFUSALS);
  /** Messages that wait for the disk now. */
  outstanding = 0;
  /** From being asked until it was on disk. */
  readonly acceptLatency = new Latency();
}

/** What pumps did, on all connections together. */
export class DeliveryCounts {
  delivered = 0;
  redelivered = 0;
  acknowledged = 0;
  /** Sent and not yet acknowledged, now. */
  inFlight = 0;
  readonly skipped = { filtered: 0, expired: 0, dead: 0 };
  skipFrames = 0;
}
