import { GatewayError } from "@qy-lty/protocol";
import type { AcceptOutcome, LogStore, NewMessage } from "../store/log-store.ts";

/** Most messages in one transaction. */
const MAX_BATCH = 64;
/** What may wait for the disk; past it, accepts are refused (503) until it has caught up. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

interface Waiting {
  readonly message: NewMessage;
  resolve(outcome: AcceptOutcome): void;
  reject(error: GatewayError): void;
}

/** Told of every message that was taken, in order of `seq` within a user, before its sender is. */
export type Accepted = (message: NewMessage, seq: number | null) => void;

/**
 * Group commit: what comes while a commit is on its way to the disk, or within one turn of the loop, goes in one
 * transaction. Nothing is answered before it is on disk.
 */
export class Acceptor {
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #busy = false;

  constructor(
    private readonly log: LogStore,
    private readonly accepted: Accepted,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** @throws GatewayError `UNAVAILABLE` when the disk is too far behind, or the store cannot write */
  accept(message: NewMessage): Promise<AcceptOutcome> {
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes + message.bytes > MAX_WAITING_BYTES) {
      return Promise.reject(unavailable("too much is waiting for the disk"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, resolve, reject });
      this.#waitingBytes += message.bytes;
      if (!this.#busy) {
        this.#busy = true;
        setImmediate(() => void this.#commit());
      }
    });
  }

  async #commit(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      for (const { message } of batch) this.#waitingBytes -= message.bytes;
      try {
        const outcomes = await this.log.accept(batch.map(({ message }) => message));
        for (const [index, waiting] of batch.entries()) this.#settle(waiting, outcomes[index]);
      } catch (error) {
        this.failed(error);
        for (const { reject } of batch) reject(unavailable("the database cannot write", error));
      }
    }
    this.#busy = false;
  }

  #settle({ message, resolve, reject }: Waiting, outcome: AcceptOutcome | undefined): void {
    if (outcome === undefined) {
      reject(unavailable("the database gave no answer"));
      return;
    }
    if (outcome.kind === "accepted") {
      try {
        this.accepted(message, outcome.seq);
      } catch (error) {
        // It is on disk: whoever was not told now is told by the sweep.
        this.failed(error);
      }
    }
    resolve(outcome);
  }
}

function unavailable(why: string, cause?: unknown): GatewayError {
  return new GatewayError("UNAVAILABLE", why, { retryAfterMs: RETRY_AFTER_MS, cause });
}
