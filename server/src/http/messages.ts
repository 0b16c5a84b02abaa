import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import { principalName } from "../auth/principal.ts";
import type { Push, Receipt } from "../delivery/delivery.ts";
import { id, idempotencyKey, messageBody, messageType, moment, refuseReserved, toIso } from "./fields.ts";
import { type Asker, callerKey, defineRoute, type HttpEnvironment } from "./route.ts";
import { requireOwn } from "./who-may.ts";

const PushResult = z.object({
  type: z.string(),
  message: z.unknown(),
  timestamp: moment(),
  message_id: z.string(),
  seq: z.int().nullable().openapi({ description: "Place in the user's log; null for a message that is kept nowhere." }),
  online: z.boolean().openapi({ description: "Whether anybody it is for was connected." }),
  duplicate: z.boolean(),
});

/** How long a message may be kept: a year, seconds. */
const MAX_TTL_S = 31_536_000;
const options = {
  ttl: z
    .int()
    .min(0)
    .max(MAX_TTL_S)
    .optional()
    .openapi({ description: "Seconds to keep it for who is not there; 0: only for who is online now.", example: 3600 }),
  idempotency_key: idempotencyKey(),
};

const SENT = "消息发送成功";

export const pushMessage = defineRoute({
  method: "post",
  path: "/api/messages/",
  tag: "Push",
  summary: "Push a message to a user",
  may: ["user", "device", "service"],
  hot: true,
  takesKey: true,
  body: z.object({ type: messageType(), message: messageBody(), user_id: id(), ...options }),
  data: PushResult,
  says: SENT,
}).handle(({ body }, asker, environment) => pushToUser(asker, body.user_id, toPush(body, asker), environment));

export const pushToUserRoute = defineRoute({
  method: "post",
  path: "/api/users/{user_id}/messages/",
  tag: "Push",
  summary: "Push a message to a user, saying who sent it",
  may: ["user", "device", "service"],
  hot: true,
  takesKey: true,
  params: z.object({ user_id: id() }),
  body: z.object({ type: messageType().default("system"), message: messageBody(), ...options }),
  data: PushResult,
  says: SENT,
}).handle(({ params, body }, asker, environment) => {
  const push = { ...toPush(body, asker), sender: principalName(asker.principal) };
  return pushToUser(asker, params.user_id, push, environment);
});

export const pushToDevice = defineRoute({
  method: "post",
  path: "/api/devices/{device_id}/messages/",
  tag: "Push",
  summary: "Push a message to one device",
  may: ["user", "service"],
  hot: true,
  takesKey: true,
  params: z.object({ device_id: id() }),
  body: z.object({ type: messageType(), message: messageBody(), ...options }),
  data: PushResult,
  says: SENT,
}).handle(async ({ params, body }, asker, { store, delivery }) => {
  refuseReserved(body.type);
  const device = await store.devices.find(params.device_id);
  if (device === undefined) throw new GatewayError("NOT_FOUND");
  requireOwn(asker.principal, device.user_id);
  if (device.user_id === null) throw new GatewayError("DEVICE_NOT_BOUND");
  const push = toPush(body, asker);
  return answer(push, await delivery.toDevice(device.id, device.user_id, push));
});

export const broadcast = defineRoute({
  method: "post",
  path: "/api/broadcast/",
  tag: "Push",
  summary: "Push a message to every open connection, now",
  may: ["service"],
  hot: true,
  body: z.object({ type: messageType(), message: messageBody() }),
  data: z.object({ recipients: z.int().openapi({ description: "How many connections it was handed to." }) }),
  says: SENT,
}).handle(async ({ body: { type, message } }, _asker, { delivery }) => {
  refuseReserved(type);
  return { recipients: await delivery.broadcast({ type, message }) };
});

export const readMessage = defineRoute({
  method: "get",
  path: "/api/messages/{message_id}/",
  tag: "Push",
  summary: "What became of a message, for each of its consumers",
  may: ["user", "service"],
  params: z.object({ message_id: z.uuid() }),
  data: z.object({
    message_id: z.string(),
    user_id: z.int(),
    seq: z.int(),
    type: z.string(),
    created_at: moment(),
    expires_at: moment(),
    consumers: z.array(
      z.object({
        consumer: z.string(),
        state: z.enum(["pending", "delivered", "acknowledged", "expired", "dead", "filtered"]),
        delivered_at: moment().nullable(),
        acknowledged_at: moment().nullable(),
      }),
    ),
  }),
}).handle(async ({ params: { message_id } }, { principal }, { messageLog, store }) => {
  const status = await messageLog.status(
    message_id,
    async (userId) => (await store.devices.findPrimary(userId))?.id ?? null,
  );
  if (status === undefined) throw new GatewayError("NOT_FOUND");
  const { record, consumers } = status;
  requireOwn(principal, record.userId);
  return {
    message_id,
    user_id: record.userId,
    seq: record.seq,
    type: record.type,
    created_at: toIso(record.createdAt),
    expires_at: toIso(record.expiresAt),
    consumers: consumers.map(({ consumer, state, deliveredAt, acknowledgedAt }) => ({
      consumer,
      state,
      delivered_at: toIso(deliveredAt),
      acknowledged_at: toIso(acknowledgedAt),
    })),
  };
});

async function pushToUser({ principal }: Asker, userId: number, push: Push, environment: HttpEnvironment) {
  refuseReserved(push.type);
  if (!(environment.config.allowAnyUserPush && principal.kind === "user")) requireOwn(principal, userId);
  // What is kept finds out as it is written whether there is such a user; whoever is connected is there.
  if (push.ttlMs === 0 && !(await environment.presence.isUserOnline(userId))) await requireUser(userId, environment);
  return answer(push, await environment.delivery.toUser(userId, push));
}

interface PushBody {
  readonly type: string;
  readonly message: unknown;
  readonly ttl?: number | undefined;
  readonly idempotency_key?: string | undefined;
}

function toPush({ type, message, ttl, idempotency_key }: PushBody, asker: Asker): Push {
  const push = { type, message, idempotency: callerKey(asker, idempotency_key) };
  return ttl === undefined ? push : { ...push, ttlMs: ttl * 1000 };
}

async function requireUser(userId: number, { store }: HttpEnvironment): Promise<void> {
  if ((await store.users.find(userId)) === undefined) throw new GatewayError("NOT_FOUND");
}

function answer({ type, message }: Push, receipt: Receipt) {
  return {
    type,
    message,
    timestamp: receipt.timestamp,
    message_id: receipt.messageId,
    seq: receipt.seq,
    online: receipt.online,
    duplicate: receipt.duplicate,
  };
}
