import { Close } from "@qy-lty/protocol";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Registry } from "../session/registry.ts";
import type { AuthorityChange, AuthorityChanges } from "../store/store.ts";
import type { Refusals } from "./refusals.ts";

const POLL_EVERY_MS = 250;
const PRUNE_EVERY_MS = 60_000;

/**
 * Follows changes to tokens, users and bindings, whoever made them, and ends the connections that they concern: within
 * a poll of the commit, and at once for changes made here (`catchUp` after a write).
 */
export class Authority {
  readonly #timers: readonly Timer[];
  #seen = 0;
  #running: Promise<void> | undefined;
  #again = false;
  readonly #listeners: (() => void)[] = [];

  constructor(
    private readonly changes: AuthorityChanges,
    private readonly registry: Registry,
    private readonly refusals: Refusals,
    clock: Clock,
    private readonly failed: (error: unknown) => void,
  ) {
    this.#timers = [
      clock.every(POLL_EVERY_MS, () => void this.catchUp()),
      clock.every(PRUNE_EVERY_MS, () => void this.#prune()),
    ];
  }

  /** Starts from now: what changed before is in the database already. */
  async start(): Promise<void> {
    this.#seen = await this.changes.latest();
  }

  /** Runs `listener` whenever anything changed: for caches. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Applies every change made so far. Calls that overlap are one, and the last sees what all of them wrote. */
  catchUp(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#apply().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  stop(): void {
    for (const timer of this.#timers) timer.stop();
  }

  async #apply(): Promise<void> {
    try {
      do {
        this.#again = false;
        for (let batch = await this.#next(); batch.length > 0; batch = await this.#next()) {
          // A token that was refused before may be good now: it was made, its user enabled, its device bound.
          this.refusals.forget();
          for (const listener of this.#listeners) listener();
          for (const change of batch) this.#follow(change);
        }
      } while (this.#again);
    } catch (error) {
      this.failed(error);
    }
  }

  async #next(): Promise<readonly AuthorityChange[]> {
    const batch = await this.changes.after(this.#seen);
    this.#seen = batch.at(-1)?.seq ?? this.#seen;
    return batch;
  }

  #follow({ kind, subject_id: id, from_user_id: from, to_user_id: to }: AuthorityChange): void {
    switch (kind) {
      case "token-made":
      case "user-changed":
        return;
      case "token-revoked":
        this.registry.closeWhere(({ tokenId }) => tokenId === id, Close.revoked);
        return;
      case "user-disabled":
        this.registry.closeWhere(
          ({ principal, userId }) => userId === id || (principal.kind === "user" && principal.userId === id),
          Close.revoked,
        );
        return;
      case "user-erased":
        // Their devices have become nobody's, and come back as that: a binding that changed.
        this.registry.closeWhere(
          ({ principal }) => principal.kind === "user" && principal.userId === id,
          Close.revoked,
        );
        return;
      case "device-bound":
        // The device itself, and who stands for the user's primary device without naming one.
        this.registry.closeWhere(
          ({ role, userId, deviceId }) =>
            deviceId === id ||
            (role === "user" && deviceId === null && userId !== null && (userId === from || userId === to)),
          Close.bindingChanged,
        );
    }
  }

  async #prune(): Promise<void> {
    try {
      await this.changes.prune();
    } catch (error) {
      this.failed(error);
    }
  }
}
