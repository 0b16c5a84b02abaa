import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import {
  type AcceptOutcome,
  type Cursor,
  type CursorKey,
  type CursorUpdate,
  DEFAULT_QUOTA,
  firstEpoch,
  type LogStore,
  MAX_APPS,
  type MessageRecord,
  type NewMessage,
  type Quota,
  type RetentionReport,
  type RetentionRules,
  type StoredMessage,
  type StreamPosition,
} from "./log-store.ts";

interface Stream {
  epoch: string;
  epochBase: number;
  top: number;
  /** The furthest any consumer came. */
  acked: number;
  settlingSeq: number;
  settlingAt: number;
  messages: (NewMessage & { readonly seq: number })[];
  readonly cursors: Map<string, Cursor & { lastSeen: number }>;
  /** `seq consumer` of what was given up on. */
  readonly dead: Set<string>;
}

interface Key {
  readonly fingerprint: string;
  readonly messageId: string;
  readonly seq: number | null;
  readonly createdAt: number;
}

/** The log in memory: what it promises holds while the process lives. For tests, and as the shortest statement of the rules. */
export class MemoryLog implements LogStore {
  readonly #streams = new Map<number, Stream>();
  readonly #keys = new Map<string, Key>();
  /** Who owns a device. */
  readonly #owners = new Map<number, number>();
  /** What the epochs that streams begin with are made of. */
  #origin = newId();
  /** A process serves it, or died doing so. */
  #isServing = false;
  #isBackup = false;

  constructor(
    private readonly clock: Clock,
    private readonly quota: Quota = DEFAULT_QUOTA,
    private readonly isUser: (userId: number) => boolean = () => true,
  ) {}

  async open(): Promise<void> {
    const isBackup = this.#isBackup;
    if (isBackup) this.#origin = newId();
    for (const [userId, stream] of this.#streams) {
      if (isBackup) Object.assign(stream, { epoch: firstEpoch(this.#origin, userId), epochBase: stream.top });
      if (!isBackup && !this.#isServing) continue;
      for (const [consumer, cursor] of stream.cursors) {
        stream.cursors.set(consumer, { ...cursor, epoch: stream.epoch, sent: stream.top });
      }
    }
    this.#isBackup = false;
    this.#isServing = true;
  }

  async close(): Promise<void> {
    this.#isServing = false;
  }

  /** Binds a device, or unbinds it: its cursor begins at the owner's top, and ends with the binding. */
  bind(deviceId: number, userId: number | null): void {
    const consumer = `device:${deviceId}`;
    this.#owners.delete(deviceId);
    for (const { cursors } of this.#streams.values()) cursors.delete(consumer);
    if (userId === null) return;
    this.#owners.set(deviceId, userId);
    const { epoch, top, cursors } = this.#stream(userId);
    cursors.set(consumer, { userId, consumer, epoch, acked: top, sent: top, attempts: 0, lastSeen: this.clock.now() });
  }

  /** Itself as it stands now: a copy of the file, or a backup, which knows that it is one. */
  copy(as: "copy" | "backup"): MemoryLog {
    const copy = new MemoryLog(this.clock, this.quota, this.isUser);
    copy.#origin = this.#origin;
    for (const [userId, stream] of this.#streams) copy.#streams.set(userId, structuredClone(stream));
    for (const [key, value] of this.#keys) copy.#keys.set(key, value);
    for (const [deviceId, userId] of this.#owners) copy.#owners.set(deviceId, userId);
    copy.#isServing = this.#isServing;
    copy.#isBackup = as === "backup";
    return copy;
  }

  async accept(messages: readonly NewMessage[]): Promise<AcceptOutcome[]> {
    return messages.map((message) => this.#acceptOne(message));
  }

  position(userId: number): StreamPosition {
    const { epoch, top, epochBase } = this.#stream(userId);
    return { epoch, top, epochBase };
  }

  read(userId: number, after: number, limit: number): StoredMessage[] {
    return this.#stream(userId)
      .messages.filter(({ seq }) => seq > after)
      .slice(0, limit)
      .map(({ seq, messageId, deviceId, head, bytes, expiresAt }) => ({
        seq,
        messageId,
        deviceId,
        head,
        bytes,
        expiresAt,
      }));
  }

  idAt(userId: number, seq: number): string | undefined {
    return this.#stream(userId).messages.find((message) => message.seq === seq)?.messageId;
  }

  async find(messageId: string): Promise<MessageRecord | undefined> {
    for (const { messages, cursors, dead } of this.#streams.values()) {
      const found = messages.find((message) => message.messageId === messageId);
      if (found === undefined) continue;
      const { userId, seq, type, deviceId, createdAt, expiresAt } = found;
      const consumers = [...cursors.values()].map(({ consumer, acked, sent }) => ({
        consumer,
        acked,
        sent,
        dead: dead.has(`${found.seq} ${consumer}`),
      }));
      return { userId, seq, messageId, type, deviceId, createdAt, expiresAt, consumers };
    }
    return undefined;
  }

  cursor({ userId, consumer }: CursorKey): Cursor | undefined {
    const cursor = this.#stream(userId).cursors.get(consumer);
    return cursor && { ...cursor };
  }

  async createCursorAtTop({ userId, consumer }: CursorKey): Promise<Cursor> {
    const { epoch, top, cursors } = this.#stream(userId);
    const known = cursors.get(consumer);
    if (known !== undefined) return { ...known };
    const made = { userId, consumer, epoch, acked: top, sent: top, attempts: 0, lastSeen: this.clock.now() };
    cursors.set(consumer, made);
    if (consumer.startsWith("app:")) {
      const others = [...cursors.values()].filter((cursor) => cursor.consumer.startsWith("app:") && cursor !== made);
      others.sort((a, b) => b.lastSeen - a.lastSeen);
      for (const { consumer: unseen } of others.slice(MAX_APPS - 1)) cursors.delete(unseen);
    }
    return { ...made };
  }

  async saveCursors(updates: readonly CursorUpdate[]): Promise<readonly number[]> {
    const moved = new Set<number>();
    for (const update of updates) {
      const stream = this.#stream(update.userId);
      const { epoch, top, cursors } = stream;
      if (update.epoch !== epoch) moved.add(update.userId);
      if (update.epoch !== epoch || this.#isForeign(update)) continue;
      const known = cursors.get(update.consumer);
      const acked = Math.max(known?.acked ?? 0, Math.min(update.acked, top));
      // Where a cursor began, nobody acknowledged anything.
      if (acked > (known?.acked ?? 0)) stream.acked = Math.max(stream.acked, acked);
      cursors.set(update.consumer, {
        ...update,
        acked,
        attempts: known !== undefined && update.acked < known.acked ? known.attempts : update.attempts,
        sent: Math.max(known?.sent ?? 0, update.sent),
        lastSeen: Math.max(known?.lastSeen ?? 0, update.lastSeen),
      });
    }
    return [...moved];
  }

  async setAside({ userId, consumer }: CursorKey, seq: number): Promise<void> {
    this.#stream(userId).dead.add(`${seq} ${consumer}`);
  }

  async beginEpoch(userId: number, from: string): Promise<StreamPosition> {
    const stream = this.#stream(userId);
    if (stream.epoch === from) {
      stream.epoch = newId();
      stream.epochBase = stream.top;
      for (const [consumer, cursor] of stream.cursors) {
        stream.cursors.set(consumer, { ...cursor, epoch: stream.epoch, sent: stream.top });
      }
    }
    return this.position(userId);
  }

  hasNews(): boolean {
    return true;
  }

  tops(userIds: readonly number[]): ReadonlyMap<number, number> {
    return new Map(userIds.map((userId) => [userId, this.#stream(userId).top]));
  }

  async retain({ now, settledMs, appUnseenMs, idempotencyMs }: RetentionRules): Promise<RetentionReport> {
    let messages = 0;
    let cursors = 0;
    let keys = 0;
    for (const stream of this.#streams.values()) {
      const before = stream.messages.length;
      const isDue = stream.settlingAt <= now - settledMs;
      const settled = isDue ? stream.settlingSeq : 0;
      stream.messages = stream.messages.filter(({ seq, expiresAt }) => expiresAt > now && seq > settled);
      messages += before - stream.messages.length;
      if (isDue) {
        stream.settlingAt = now;
        if (stream.cursors.size > 0) {
          stream.settlingSeq = Math.min(...[...stream.cursors.values()].map(({ acked }) => acked));
        }
      }
      for (const [consumer, { lastSeen }] of stream.cursors) {
        if (consumer.startsWith("app:") && lastSeen < now - appUnseenMs && stream.cursors.delete(consumer))
          cursors += 1;
      }
    }
    for (const [key, { createdAt }] of this.#keys) {
      if (createdAt <= now - idempotencyMs && this.#keys.delete(key)) keys += 1;
    }
    return { messages, cursors, keys, more: false };
  }

  #acceptOne(message: NewMessage): AcceptOutcome {
    const { userId, deviceId, idempotency, messageId, createdAt } = message;
    const key = idempotency && JSON.stringify([idempotency.caller, idempotency.key]);
    const seen = key === null ? undefined : this.#keys.get(key);
    if (seen !== undefined) {
      if (seen.fingerprint !== idempotency?.fingerprint) return { kind: "conflict" };
      return { kind: "duplicate", seq: seen.seq, messageId: seen.messageId, createdAt: seen.createdAt };
    }
    if (deviceId !== null && this.#owners.get(deviceId) !== userId) return { kind: "not-bound" };
    let seq: number | null = null;
    if (!message.ephemeral) {
      if (!this.isUser(userId)) return { kind: "no-user" };
      const stream = this.#stream(userId);
      if (this.#isOverQuota(stream, message)) return { kind: "over-quota" };
      seq = ++stream.top;
      stream.messages.push({ ...message, seq });
    }
    if (key !== null && idempotency !== null) {
      this.#keys.set(key, { fingerprint: idempotency.fingerprint, messageId, seq, createdAt });
    }
    return { kind: "accepted", seq };
  }

  /** A device's cursor that belongs to another user by now. */
  #isForeign({ consumer, userId }: CursorKey): boolean {
    return consumer.startsWith("device:") && this.#owners.get(Number(consumer.slice("device:".length))) !== userId;
  }

  #isOverQuota({ messages, acked }: Stream, { bytes, createdAt }: NewMessage): boolean {
    const waiting = messages.filter(({ seq, expiresAt }) => seq > acked && expiresAt > createdAt);
    const waitingBytes = waiting.reduce((sum, message) => sum + message.bytes, 0);
    return waiting.length >= this.quota.messages || waitingBytes + bytes > this.quota.bytes;
  }

  #stream(userId: number): Stream {
    let stream = this.#streams.get(userId);
    if (stream === undefined) {
      const start = { epochBase: 0, top: 0, acked: 0, settlingSeq: 0, settlingAt: 0 };
      stream = { ...start, epoch: firstEpoch(this.#origin, userId), messages: [], cursors: new Map(), dead: new Set() };
      this.#streams.set(userId, stream);
    }
    return stream;
  }
}
