import { z } from "@hono/zod-openapi";
import { GatewayError, RESERVED_TYPES } from "@qy-lty/protocol";
import { type Principal, principalName } from "../auth/principal.ts";
import type { Push, Receipt } from "../delivery/delivery.ts";
import { id, messageBody, messageType, moment } from "./fields.ts";
import { defineRoute, type HttpEnvironment } from "./route.ts";
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

const SENT = "消息发送成功";

export const pushMessage = defineRoute({
  method: "post",
  path: "/api/messages/",
  tag: "Push",
  summary: "Push a message to a user",
  may: ["user", "device", "service"],
  hot: true,
  body: z.object({ type: messageType(), message: messageBody(), user_id: id() }),
  data: PushResult,
  says: SENT,
}).handle(({ body: { type, message, user_id } }, { principal }, environment) =>
  pushToUser(principal, user_id, { type, message }, environment),
);

export const pushToUserRoute = defineRoute({
  method: "post",
  path: "/api/users/{user_id}/messages/",
  tag: "Push",
  summary: "Push a message to a user, saying who sent it",
  may: ["user", "device", "service"],
  hot: true,
  params: z.object({ user_id: id() }),
  body: z.object({ type: messageType().default("system"), message: messageBody() }),
  data: PushResult,
  says: SENT,
}).handle(({ params, body: { type, message } }, { principal }, environment) =>
  pushToUser(principal, params.user_id, { type, message, sender: principalName(principal) }, environment),
);

export const pushToDevice = defineRoute({
  method: "post",
  path: "/api/devices/{device_id}/messages/",
  tag: "Push",
  summary: "Push a message to one device",
  may: ["user", "service"],
  hot: true,
  params: z.object({ device_id: id() }),
  body: z.object({ type: messageType(), message: messageBody() }),
  data: PushResult,
  says: SENT,
}).handle(async ({ params, body: { type, message } }, { principal }, { store, delivery }) => {
  refuseReserved(type);
  const device = await store.devices.find(params.device_id);
  if (device === undefined) throw new GatewayError("NOT_FOUND");
  requireOwn(principal, device.user_id);
  if (device.user_id === null) throw new GatewayError("DEVICE_NOT_BOUND");
  const push = { type, message };
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

async function pushToUser(principal: Principal, userId: number, push: Push, environment: HttpEnvironment) {
  refuseReserved(push.type);
  if (!(environment.config.allowAnyUserPush && principal.kind === "user")) requireOwn(principal, userId);
  // One's own account is there: it was authenticated a moment ago.
  if (principal.kind === "service" || principal.userId !== userId) await requireUser(userId, environment);
  return answer(push, await environment.delivery.toUser(userId, push));
}

async function requireUser(userId: number, { store }: HttpEnvironment): Promise<void> {
  if ((await store.users.find(userId)) === undefined) throw new GatewayError("NOT_FOUND");
}

function refuseReserved(type: string): void {
  if (RESERVED_TYPES.has(type)) throw new GatewayError("RESERVED_TYPE", type);
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
