import type { RateCounts } from "../dispatch/shared-rates.ts";
import type { StoredMessage } from "../store/log-store.ts";

/** What one node tells the others. */
export type Notice =
  /** A message was taken into a user's log. */
  | { readonly kind: "message"; readonly userId: number; readonly message: StoredMessage }
  /** A frame that is kept nowhere, for who receives the user's messages, or only this device's. */
  | {
      readonly kind: "frame";
      readonly userId: number;
      readonly deviceId: number | null;
      /** Only for the user's apps. */
      readonly appsOnly: boolean;
      readonly frame: string;
    }
  /** A frame for every connection. */
  | { readonly kind: "broadcast"; readonly frame: string }
  /** What this node let through of each principal in the last second. */
  | { readonly kind: "rates"; readonly counts: RateCounts }
  /** A named consumer was answered: should it ask again under this id, at any node, this is its answer. */
  | { readonly kind: "answer"; readonly consumer: string; readonly id: string; readonly frame: string };

/** What a node does with what it hears. */
export interface BrokerListener {
  /** Another node says something. */
  heard(notice: Notice): void;
  /** From now on this node hears of these users: what was said before it did not. `null`: of all whom it follows. */
  following(userIds: readonly number[] | null): void;
  /** Whether the nodes can hear one another has changed. */
  changed(isUp: boolean): void;
}

/**
 * Carries hints between nodes. It promises little: a notice may be lost, come twice or out of order, and nobody waits for
 * one. What must not be lost is in the log, where the sweep finds it; losing every notice costs latency.
 *
 * - A node hears what others say of the users whom it follows, and everything that is for all; never what it said itself.
 * - Whom it follows survives a connection that breaks.
 * - `say` never throws, never blocks, and keeps nothing while the nodes cannot hear one another.
 */
export interface Broker {
  /** Whether the nodes can hear one another now. */
  readonly isUp: boolean;
  /** Whether there may be other nodes at all. */
  readonly isShared: boolean;
  start(listener: BrokerListener): void;
  say(notice: Notice): void;
  follow(userId: number): void;
  unfollow(userId: number): void;
  stop(): Promise<void>;
}
