import { GatewayError } from "@qy-lty/protocol";
import { keyConflict } from "../store/creation-key.ts";
import type { EnqueueOutcome, NewQueueEntry, QueueSizes } from "../store/queue-store.ts";
import { GroupCommit } from "./group-commit.ts";
import { type CallerKey, fingerprintOf } from "./idempotency.ts";
import { QueueWorker, type QueueWorkerParts } from "./queue-worker.ts";

/** The message queue: takes frames durably, and has them pushed in order. */
export class MessageQueue {
  readonly #worker: QueueWorker;
  readonly #commits: GroupCommit<NewQueueEntry, EnqueueOutcome>;

  constructor(private readonly parts: QueueWorkerParts) {
    const { store, events } = parts;
    this.#worker = new QueueWorker(parts);
    this.#commits = new GroupCommit({
      commit: (entries) => store.enqueue(entries),
      bytesOf: ({ frame }) => Buffer.byteLength(frame),
      settled: () => this.#worker.wake(),
      failed: (error) => events.backgroundError(error),
    });
  }

  /**
   * Adds a frame to the end of the line; resolves once it is on disk, with how many wait.
   * The same key answers the same, and adds nothing.
   * @throws GatewayError `CONFLICT` for a key that was used for another entry, `NOT_FOUND` for a user who is not there, `QUOTA_EXCEEDED` when too many wait, `UNAVAILABLE`
   */
  async enqueue(userId: number, frame: object, key: CallerKey | null = null): Promise<number> {
    const createdAt = this.parts.clock.now();
    const text = JSON.stringify(frame);
    const idempotency = key && { ...key, fingerprint: fingerprintOf([userId, text]) };
    const outcome = await this.#commits.add({ userId, frame: text, createdAt, idempotency });
    switch (outcome.kind) {
      case "queued":
      case "duplicate":
        return outcome.size;
      case "conflict":
        throw keyConflict();
      case "full":
        throw new GatewayError("QUOTA_EXCEEDED", "the queue is full");
      case "no-user":
        throw new GatewayError("NOT_FOUND", "no such user");
    }
  }

  sizes(): QueueSizes | Promise<QueueSizes> {
    return this.parts.store.sizes();
  }

  /** Forgets what waits; a push that is under way is not taken back. */
  async clear(): Promise<void> {
    this.#worker.cleared();
    await this.parts.store.clear();
  }

  start(): void {
    this.parts.store.watch(() => this.#worker.wake());
    this.#worker.start();
  }

  /** Ends after the pushes that are under way; what waits is on disk. */
  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
