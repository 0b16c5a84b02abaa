import type { TicketGrant } from "../auth/tickets.ts";
import type { CursorKey } from "./log-store.ts";

/** A connection, as every node may know it. */
export interface SessionRecord {
  readonly id: string;
  readonly userId: number | null;
  readonly deviceId: number | null;
  readonly role: "app" | "device" | "user";
  readonly remote: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  readonly lastActivity: number;
}

/** Connections that came or were active, and ids of those that are no more. */
export interface PresenceChanges {
  readonly came: readonly SessionRecord[];
  readonly gone: readonly string[];
}

/** A device that was connected to a node that died, and whose it was. */
export interface Departed {
  readonly deviceId: number;
  readonly userId: number;
}

/** What one node asks of another, or answers it. */
export type NodeMessage =
  /** Close this connection, on behalf of an administrator. */
  | { readonly kind: "close"; readonly sessionId: string }
  /** Write down this consumer's cursor. `takeover`: and close whatever holds it under an earlier claim. */
  | { readonly kind: "yield"; readonly key: CursorKey; readonly claim: number; readonly takeover: boolean }
  /** It is done. */
  | { readonly kind: "yielded"; readonly claim: number }
  /** A connection has started where this consumer's cursor is. */
  | { readonly kind: "started"; readonly key: CursorKey };

/** That a node took a consumer. */
export interface Claim {
  /** Grows with every claim of any node. */
  readonly claim: number;
  /** The other nodes that hold it. */
  readonly others: readonly number[];
  /** Whether another node has a part in it, or left one: the connection it is taken for has to `start`. */
  readonly isShared: boolean;
}

/** Where a connection starts in a consumer that others have, or had, a part in. */
export interface Start {
  /** Grows with every start of any node: says what of this node's words is from before it. */
  readonly number: number;
  /** How far all have acknowledged. The cursor stays there until this node says more, with this number. */
  readonly after: number;
}

/** A consumer that a node holds, and by which claim. */
export interface HeldConsumer extends CursorKey {
  readonly claim: number;
}

/**
 * A database that many nodes serve: who is connected where, who holds which consumer, and words from node to node.
 *
 * - What a node said of itself is gone at most 10 s after the node is.
 * - Of two claims the later sees the earlier.
 * - The cursor of a consumer that several nodes hold is the least of what they say, and stays where the last connection of one
 *   stood that let go of it, or died, until somebody starts there.
 * - A ticket is taken at most once, by whichever node, and not after its time.
 * - A message may be lost when a connection breaks, and comes at most once.
 */
export interface SharedStore {
  /** This node's name, for people. */
  readonly nodeName: string;
  /** Tells this database from others, for what is shared beside it. */
  name(): Promise<string>;
  savePresence(changes: PresenceChanges): Promise<void>;
  /** Users who are connected to other nodes. */
  onlineUsers(): Promise<readonly number[]>;
  /** Whether a user is connected to another node. */
  isUserOnline(userId: number): Promise<boolean>;
  /** Which of these devices are connected to other nodes. */
  onlineDevices(deviceIds: readonly number[]): Promise<ReadonlySet<number>>;
  /** Connections of other nodes with the node's name, all or one user's, at most 10,000. */
  sessions(userId?: number): Promise<readonly (SessionRecord & { readonly node: string })[]>;
  /** How many connections the other nodes have. */
  countSessions(): Promise<number>;
  /** The node of a connection; undefined where nobody has it. */
  nodeOf(sessionId: string): Promise<number | undefined>;
  claim(key: CursorKey): Promise<Claim>;
  /** Once those who hold it have written down what they know. `takeover`: what they say from then on no longer counts. */
  start(key: CursorKey, takeover: boolean): Promise<Start>;
  release(held: readonly HeldConsumer[]): Promise<void>;
  /**
   * After a rejoin: holds again what it held, acknowledged so far here, or as far as the cursor says (null); answers what
   * others claimed later, and under which claim.
   */
  restore(held: readonly (HeldConsumer & { readonly acked: number | null })[]): Promise<readonly HeldConsumer[]>;
  /** Keeps a ticket by its hash for `lifetimeMs`; of more than `most` the oldest goes. */
  saveTicket(hash: string, grant: TicketGrant, lifetimeMs: number, most: number): Promise<void>;
  /** What a ticket stands for, which is then used up; null when it is unknown, used or expired. */
  takeTicket(hash: string): Promise<TicketGrant | null>;
  tell(node: number, message: NodeMessage): Promise<void>;
  /** Runs `listener` for what other nodes tell this one. */
  onMessage(listener: (from: number, message: NodeMessage) => void): void;
  /** Runs `listener` when this node has joined again: what it had said of itself is forgotten. */
  onRejoined(listener: () => void): void;
  /**
   * Runs `listener` with the devices that were connected to nodes that died: each is told to one node, which tells others.
   * Those that `failed` to be asked for are told with the next.
   */
  onDeparted(listener: (devices: readonly Departed[]) => void, failed: (error: unknown) => void): void;
}
