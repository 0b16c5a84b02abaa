/**
 * The message log: one stream per user, gapless `seq` from 1, and a cursor per consumer.
 *
 * Guarantees every implementation gives (`log-store.contract.ts` shows them; the numbers are the invariants of
 * `docs/explain/delivery.md`):
 * - I1 an accept that resolved is on disk, whatever happens to the process or the machine next;
 * - I2 within an epoch a `seq` is given once and in order; an accept that failed leaves no gap;
 * - I6 one idempotency key of one caller makes one message, also when asked at once and after a restart;
 * - I8 a cursor never goes back within an epoch, nor past `top`;
 * - I13 a message over the quota is refused before anything is written.
 */
export interface LogStore {
  /**
   * A process begins to serve this log. If the one before did not end in order, every consumer may have been sent
   * everything; if the log is a restored backup, all its streams begin a new epoch.
   */
  open(): Promise<void>;
  /** It ends in order: cursors are written, and say what was sent. */
  close(): Promise<void>;
  /**
   * Takes messages, each for itself: outcomes come in order. Resolves once all that were taken are on disk.
   * @throws Error when the store cannot write at all; then none was taken
   */
  accept(messages: readonly NewMessage[]): Promise<readonly AcceptOutcome[]>;
  /** Where a user's stream stands; a user without messages stands at top 0. */
  position(userId: number): StreamPosition | Promise<StreamPosition>;
  /** Messages of a stream with `seq > after`, in order, at most `limit`; also those that have expired since. */
  read(userId: number, after: number, limit: number): readonly StoredMessage[] | Promise<readonly StoredMessage[]>;
  /** The id of the message at `seq`, or undefined where the log no longer holds it. */
  idAt(userId: number, seq: number): string | undefined | Promise<string | undefined>;
  /** A message by its id, with what every consumer of its user has acknowledged. */
  find(messageId: string): Promise<MessageRecord | undefined>;
  /** The cursor of a consumer, or undefined when it was never seen. */
  cursor(key: CursorKey): Cursor | undefined | Promise<Cursor | undefined>;
  /** Makes the cursor of a new consumer at `top`, durable before it resolves; one that is there already is left as it is. */
  createCursorAtTop(key: CursorKey): Promise<Cursor>;
  /**
   * Moves cursors up, making those that are new, and notes what was sent; one of another epoch is left alone. Answers the
   * users whose stream is in another epoch.
   */
  saveCursors(cursors: readonly CursorUpdate[]): Promise<readonly number[]>;
  /** Notes that a message was given up on for a consumer. */
  setAside(key: CursorKey, seq: number): Promise<void>;
  /** Begins a new epoch of a stream unless it already left `from`; answers where it stands. */
  beginEpoch(userId: number, from: string): Promise<StreamPosition>;
  /** Whether any message may have been taken since this was asked last; costs next to nothing, and may say yes for no reason. */
  hasNews(): boolean | Promise<boolean>;
  /** Tops of many streams at once, for the sweep. */
  tops(userIds: readonly number[]): ReadonlyMap<number, number> | Promise<ReadonlyMap<number, number>>;
  /** Deletes what has expired, or was acknowledged by all long enough ago; forgets old keys and unseen apps. */
  retain(rules: RetentionRules): Promise<RetentionReport>;
}

/** What is to be said, to whom, and until when. */
export interface NewMessage {
  readonly userId: number;
  /** Kept nowhere: only its idempotency key is. */
  readonly ephemeral: boolean;
  /** Only this device may see it; null: every consumer of the user. */
  readonly deviceId: number | null;
  readonly messageId: string;
  readonly type: string;
  /** The frame's JSON text without its closing brace: `,"seq":…}` is added on the wire. */
  readonly head: string;
  /** UTF-8 size of `head`, bytes: what the quota counts. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly idempotency: Idempotency | null;
}

/** The caller's promise that the same key means the same request. */
export interface Idempotency {
  /** The principal's key: keys of two callers never meet. */
  readonly caller: string;
  readonly key: string;
  /** Digest of target and body: another one under the same key is a conflict. */
  readonly fingerprint: string;
}

export type AcceptOutcome =
  | { readonly kind: "accepted"; readonly seq: number | null }
  /** The key was seen before: the first answer again. */
  | { readonly kind: "duplicate"; readonly seq: number | null; readonly messageId: string; readonly createdAt: number }
  | { readonly kind: "conflict" }
  | { readonly kind: "over-quota" }
  | { readonly kind: "no-user" }
  /** The device is nobody's, or another's, by now. */
  | { readonly kind: "not-bound" };

export interface StreamPosition {
  /** Names this counting of this stream; no other stream ever has it, so that who changes streams is noticed. */
  readonly epoch: string;
  readonly top: number;
  /** `top` when the epoch began. */
  readonly epochBase: number;
}

export interface StoredMessage {
  readonly seq: number;
  readonly messageId: string;
  readonly deviceId: number | null;
  readonly head: string;
  readonly bytes: number;
  readonly expiresAt: number;
}

/** Names a consumer of a stream: `device:3`, `app:7:phone`, `user:7`. */
export interface CursorKey {
  readonly consumer: string;
  readonly userId: number;
}

export interface Cursor extends CursorKey {
  readonly epoch: string;
  /** Everything up to here was handled. */
  readonly acked: number;
  /** Up to here it may have been sent before. */
  readonly sent: number;
  /** Failed attempts to have `acked + 1`, or what comes first after it, handled. */
  readonly attempts: number;
}

export interface CursorUpdate extends CursorKey {
  readonly epoch: string;
  readonly acked: number;
  readonly sent: number;
  readonly attempts: number;
  /** When it was last connected, milliseconds since the epoch. */
  readonly lastSeen: number;
  /** Where several nodes serve the log: the number of the last start of a connection here that this takes into account. */
  readonly started?: number;
}

/** How far a consumer has come, and whether it was given up on for this message. */
export interface ConsumerProgress {
  readonly consumer: string;
  readonly acked: number;
  readonly sent: number;
  readonly dead: boolean;
}

/** A message and how far its consumers have come. */
export interface MessageRecord {
  readonly userId: number;
  readonly seq: number;
  readonly messageId: string;
  readonly type: string;
  readonly deviceId: number | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly consumers: readonly ConsumerProgress[];
}

export interface RetentionRules {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** How long a message that everybody acknowledged is kept, milliseconds. */
  readonly settledMs: number;
  /** How long an app may be away before it is forgotten, milliseconds. */
  readonly appUnseenMs: number;
  /** How long idempotency keys are kept, milliseconds. */
  readonly idempotencyMs: number;
  /** Most rows deleted in one transaction, so that accepts never wait long. */
  readonly batch: number;
}

export interface RetentionReport {
  readonly messages: number;
  readonly cursors: number;
  readonly keys: number;
  /** Whether a batch was full, and there is more to do at once. */
  readonly more: boolean;
}

/** The epoch that a user's stream begins with, in a log that began as `origin`. */
export function firstEpoch(origin: string, userId: number): string {
  return `${origin}.${userId}`;
}

/** Per user, unexpired messages that nobody has acknowledged. */
export interface Quota {
  readonly messages: number;
  readonly bytes: number;
}

export const DEFAULT_QUOTA: Quota = { messages: 10_000, bytes: 16 * 1024 * 1024 };

/** Most app consumers a user has; past it the longest unseen goes, and starts anew if it returns. */
export const MAX_APPS = 32;
