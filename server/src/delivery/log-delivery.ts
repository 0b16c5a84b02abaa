import { GatewayError } from "@qy-lty/protocol";
import type { Broker } from "../broker/broker.ts";
import type { Clock } from "../platform/clock.ts";
import { newId } from "../platform/ids.ts";
import type { Presence } from "../presence/presence.ts";
import type { Registry } from "../session/registry.ts";
import { keyConflict } from "../store/creation-key.ts";
import type { AcceptOutcome, Idempotency, NewMessage } from "../store/log-store.ts";
import type { Acceptor } from "./acceptor.ts";
import { PushCounts } from "./counts.ts";
import type { Delivery, Push, Receipt } from "./delivery.ts";
import { fingerprintOf } from "./idempotency.ts";

/** Delivery through the log: what was accepted is on disk, and every consumer gets it, now or when it comes back. */
export class LogDelivery implements Delivery {
  readonly counts = new PushCounts();

  constructor(
    private readonly acceptor: Acceptor,
    private readonly registry: Registry,
    private readonly broker: Broker,
    private readonly presence: Presence,
    private readonly clock: Clock,
    /** How long a message is kept that does not say so itself, milliseconds. */
    private readonly defaultTtlMs: number,
  ) {}

  toUser(userId: number, push: Push): Receipt | Promise<Receipt> {
    return this.#send(userId, null, push);
  }

  toDevice(deviceId: number, userId: number, push: Push): Receipt | Promise<Receipt> {
    return this.#send(userId, deviceId, push);
  }

  broadcast(push: Push): number | Promise<number> {
    const frame = encode(push, newId(), this.clock.iso());
    this.counts.broadcast += 1;
    this.registry.pushToAll(frame);
    this.broker.say({ kind: "broadcast", frame });
    return this.presence.count();
  }

  /** A message was taken: tells whoever is connected. Called in order of `seq`. */
  accepted(message: NewMessage, seq: number | null): void {
    if (seq === null) {
      this.#sayNow(message.userId, message.deviceId, `${message.head}}`);
      return;
    }
    const { messageId, deviceId, head, bytes, expiresAt } = message;
    const stored = { seq, messageId, deviceId, head, bytes, expiresAt };
    this.registry.users.each(message.userId, (session) => session.offer(stored));
    if (this.broker.isShared) this.broker.say({ kind: "message", userId: message.userId, message: stored });
  }

  #send(userId: number, deviceId: number | null, push: Push): Receipt | Promise<Receipt> {
    const messageId = newId();
    const createdAt = this.clock.now();
    const timestamp = toTimestamp(createdAt);
    const frame = encode(push, messageId, timestamp);
    const ttlMs = push.ttlMs ?? this.defaultTtlMs;
    const idempotency = toIdempotency(userId, deviceId, push);
    if (ttlMs === 0 && idempotency === null) {
      this.counts.ephemeral += 1;
      const online = this.#sayNow(userId, deviceId, frame) > 0;
      const receipt = { messageId, seq: null, timestamp, online, duplicate: false };
      return online ? receipt : this.#lookElsewhere({ userId, deviceId }, receipt);
    }
    const head = frame.slice(0, -1);
    return this.#accept({
      userId,
      deviceId,
      ephemeral: ttlMs === 0,
      messageId,
      type: push.type,
      head,
      bytes: Buffer.byteLength(head),
      createdAt,
      expiresAt: createdAt + ttlMs,
      idempotency,
    });
  }

  #sayNow(userId: number, deviceId: number | null, frame: string): number {
    const { users, devices } = this.registry;
    this.broker.say({ kind: "frame", userId, deviceId, appsOnly: false, frame });
    return deviceId === null
      ? users.each(userId, (session) => session.push(frame))
      : devices.each(deviceId, (session) => session.push(frame));
  }

  async #accept(message: NewMessage): Promise<Receipt> {
    const { counts, clock } = this;
    const started = clock.monotonic();
    counts.outstanding += 1;
    try {
      const receipt = this.#toReceipt(message, await this.acceptor.accept(message));
      counts.acceptLatency.add(clock.monotonic() - started);
      if (receipt.duplicate) counts.duplicate += 1;
      else if (message.ephemeral) counts.ephemeral += 1;
      else counts.accepted += 1;
      return receipt.online ? receipt : this.#lookElsewhere(message, receipt);
    } catch (error) {
      counts.refused.add(error instanceof GatewayError ? error.code : "INTERNAL_ERROR");
      throw error;
    } finally {
      counts.outstanding -= 1;
    }
  }

  /** Nobody it is for is connected here; perhaps to another node. It is taken, whether that can be found out or not. */
  #lookElsewhere(
    { userId, deviceId }: Pick<NewMessage, "userId" | "deviceId">,
    receipt: Receipt,
  ): Receipt | Promise<Receipt> {
    const found = deviceId === null ? this.presence.isUserOnline(userId) : this.presence.onlineDevices([deviceId]);
    if (!(found instanceof Promise)) return receipt;
    return found.then(
      (online) => ({ ...receipt, online: typeof online === "boolean" ? online : online.size > 0 }),
      () => receipt,
    );
  }

  /** @throws GatewayError for what was not taken */
  #toReceipt(message: NewMessage, outcome: AcceptOutcome): Receipt {
    const { userId, deviceId } = message;
    const online = deviceId === null ? this.registry.users.has(userId) : this.registry.devices.has(deviceId);
    switch (outcome.kind) {
      case "accepted": {
        const { messageId, createdAt } = message;
        return { messageId, seq: outcome.seq, timestamp: toTimestamp(createdAt), online, duplicate: false };
      }
      case "duplicate": {
        const { messageId, createdAt, seq } = outcome;
        return { messageId, seq, timestamp: toTimestamp(createdAt), online, duplicate: true };
      }
      case "conflict":
        throw keyConflict();
      case "over-quota":
        throw new GatewayError("QUOTA_EXCEEDED", "too much is waiting for this user");
      case "no-user":
        throw new GatewayError("NOT_FOUND");
      case "not-bound":
        throw new GatewayError("DEVICE_NOT_BOUND");
    }
  }
}

function encode({ type, message, sender, extra }: Push, messageId: string, timestamp: string): string {
  return JSON.stringify({ ...extra, type, message, timestamp, sender, message_id: messageId });
}

let formattedAt = Number.NaN;
let formatted = "";

/** Pushes of one millisecond share their timestamp's text. */
function toTimestamp(at: number): string {
  if (at !== formattedAt) {
    formattedAt = at;
    formatted = new Date(at).toISOString();
  }
  return formatted;
}

/** The fingerprint tells apart what may not share a key: another target, body or lifetime. */
function toIdempotency(userId: number, deviceId: number | null, push: Push): Idempotency | null {
  if (!push.idempotency) return null;
  const { type, message, sender, extra, ttlMs } = push;
  return { ...push.idempotency, fingerprint: fingerprintOf([userId, deviceId, type, message, sender, extra, ttlMs]) };
}
