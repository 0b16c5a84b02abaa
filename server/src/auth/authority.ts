import { Close } from "@qy-lty/protocol";
import type { Clock, Timer } from "../platform/clock.ts";
import type { Registry } from "../session/registry.ts";
import type { Devices } from "../store/devices.ts";
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
    private readonly devices: Devices,
    private readonly registry: Registry,
    private readonly refusals: Refusals,
    clock: Clock,
    private readonly failed: (error: unknown) => void,
    private readonly answered: () => void = () => {},
  ) {
    this.#timers = [
      clock.every(POLL_EVERY_MS, () => void this.catchUp()),
      clock.every(PRUNE_EVERY_MS, () => void this.#prune()),
    ];
  }

  /** Starts from now: what changed before is in the database already. */
  async start(): Promise<void> {
    this.changes.watch(() => void this.catchUp());
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

  /** Follows nothing more, once it is through with what it is following. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.stop();
    await this.#running;
  }

  async #apply(): Promise<void> {
    try {
      do {
        this.#again = false;
        for (let batch = await this.#next(); batch.length > 0; batch = await this.#next()) {
          // A token that was refused before may be good now: it was made, its user enabled, its device bound.
          this.refusals.forget();
          for (const listener of this.#listeners) listener();
          for (const change of batch) await this.#follow(change);
        }
      } while (this.#again);
    } catch (error) {
      this.failed(error);
    }
  }

  async #next(): Promise<readonly AuthorityChange[]> {
    const batch = await this.changes.after(this.#seen);
    this.answered();
    this.#seen = batch.at(-1)?.seq ?? this.#seen;
    return batch;
  }

  async #follow({ kind, subject_id: id, from_user_id: from, to_user_id: to }: AuthorityChange): Promise<void> {
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
        await this.#followBinding(id, [from, to]);
    }
  }

  /**
   * Ends what was let in under another binding: the device itself, and whoever stands for a user's primary device
   * without naming one. A connection that came after the change has the new binding already, and stays.
   */
  async #followBinding(deviceId: number, userIds: readonly (number | null)[]): Promise<void> {
    const owner = (await this.devices.find(deviceId))?.user_id ?? null;
    this.registry.closeWhere(
      (admission) => admission.role === "device" && admission.deviceId === deviceId && admission.userId !== owner,
      Close.bindingChanged,
    );
    for (const userId of userIds) {
      if (userId === null) continue;
      const primary = (await this.devices.findPrimary(userId))?.id ?? null;
      this.registry.closeWhere(
        (admission) => admission.role === "user" && admission.userId === userId && admission.deviceId !== primary,
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
