/** What somebody wants said. */
export interface Push {
  readonly type: string;
  /** Any JSON value. */
  readonly message: unknown;
  /** User name of who pushed it, where the frame shows it. */
  readonly sender?: string;
  /** Further members of the frame, as a whole frame from the queue has them; ours win. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** How long it is kept for who is not there, milliseconds; 0: it is for who is online now. Absent: the server's default. */
  readonly ttlMs?: number;
  /** The caller's name for this request, under which it happens once. */
  readonly idempotency?: { readonly caller: string; readonly key: string } | null;
}

/** What became of a push. */
export interface Receipt {
  readonly messageId: string;
  /** Place in the user's log; null for a message that is kept nowhere. */
  readonly seq: number | null;
  /** When the server took it: the frame's `timestamp`. */
  readonly timestamp: string;
  /** Whether anybody it is for was connected. */
  readonly online: boolean;
  /** Whether an idempotency key had been seen before, and this is the first answer again. */
  readonly duplicate: boolean;
}

/** The one door out: whatever is said to a connection by others than itself goes through here. */
export interface Delivery {
  /** To every connection that receives the user's messages. */
  toUser(userId: number, push: Push): Receipt | Promise<Receipt>;
  /** To every connection that receives the device's messages. The device belongs to `userId`. */
  toDevice(deviceId: number, userId: number, push: Push): Receipt | Promise<Receipt>;
  /** To every open connection, now; answers how many there were. */
  broadcast(push: Push): number | Promise<number>;
}
