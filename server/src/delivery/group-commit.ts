import { GatewayError } from "@qy-lty/protocol";
import type { Gathering } from "./gathering.ts";

/** Most items in one transaction. */
const MAX_BATCH = 64;
/** What may wait for the disk; past it, items are refused (503) until it has caught up. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 32 * 1024 * 1024;
const RETRY_AFTER_MS = 1_000;

/** What is committed, and how. */
export interface GroupCommitOptions<Item, Outcome> {
  /** Writes a batch in one transaction; outcomes come in order, once all of it is on disk. */
  commit(items: readonly Item[]): Promise<readonly Outcome[]>;
  /** What an item weighs while it waits, bytes. */
  bytesOf(item: Item): number;
  /**
   * Told of every outcome, in order, before whoever waits for it; where many are expected to ask again at once
   * (`Gathering.expectsMany`), after: when what they ask for is on its way to the disk, or they do not come.
   */
  settled(item: Item, outcome: Outcome): void;
  /** Told of what goes wrong. */
  failed(error: unknown): void;
  /** What a commit waits for; absent: nothing. */
  readonly gathering?: Gathering | undefined;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  resolve(outcome: Outcome): void;
  reject(error: GatewayError): void;
}

/**
 * What comes while a commit is on its way to the disk, or within one turn of the loop, goes in one transaction. Nothing is
 * answered before it is on disk. What is to be done with it besides is done while the disk is at work for the next, where
 * there is one: whoever waits for an answer would wait for that, too, and then the processor for the disk.
 */
export class GroupCommit<Item, Outcome> {
  #waiting: Waiting<Item, Outcome>[] = [];
  #waitingBytes = 0;
  /** On disk, and `settled` is not told of it yet. */
  readonly #untold: [item: Item, outcome: Outcome][] = [];
  #busy = false;

  constructor(private readonly options: GroupCommitOptions<Item, Outcome>) {}

  /** @throws GatewayError `UNAVAILABLE` when the disk is too far behind, or the store cannot write */
  add(item: Item): Promise<Outcome> {
    const bytes = this.options.bytesOf(item);
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      return Promise.reject(unavailable("too much is waiting for the disk"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#waitingBytes += bytes;
      if (!this.#busy) {
        this.#busy = true;
        setImmediate(() => void this.#run());
      }
    });
  }

  async #run(): Promise<void> {
    const { gathering } = this.options;
    while (this.#waiting.length > 0 || this.#untold.length > 0) {
      await gathering?.gather(() => this.#waiting.length, MAX_BATCH);
      if (this.#waiting.length === 0) this.#tell();
      else await this.#commit(this.#waiting.splice(0, MAX_BATCH));
    }
    this.#busy = false;
  }

  async #commit(batch: readonly Waiting<Item, Outcome>[]): Promise<void> {
    const { commit, bytesOf, failed, gathering } = this.options;
    for (const { item } of batch) this.#waitingBytes -= bytesOf(item);
    gathering?.began();
    try {
      const written = commit(batch.map(({ item }) => item));
      this.#tell();
      const outcomes = await written;
      gathering?.committed(batch.length + this.#waiting.length);
      for (const [index, waiting] of batch.entries()) this.#settle(waiting, outcomes[index]);
    } catch (error) {
      failed(error);
      for (const { reject } of batch) reject(unavailable("the database cannot write", error));
    }
  }

  #settle({ item, resolve, reject }: Waiting<Item, Outcome>, outcome: Outcome | undefined): void {
    if (outcome === undefined) {
      reject(unavailable("the database gave no answer"));
      return;
    }
    this.#untold.push([item, outcome]);
    if (this.options.gathering?.expectsMany !== true) this.#tell();
    resolve(outcome);
  }

  #tell(): void {
    for (const [item, outcome] of this.#untold.splice(0)) {
      try {
        this.options.settled(item, outcome);
      } catch (error) {
        // It is on disk all the same, and whoever waits for it is told so.
        this.options.failed(error);
      }
    }
  }
}

function unavailable(why: string, cause?: unknown): GatewayError {
  return new GatewayError("UNAVAILABLE", why, { retryAfterMs: RETRY_AFTER_MS, cause });
}
