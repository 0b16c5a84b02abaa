import { z } from "@hono/zod-openapi";
import { DEFAULT_TYPE } from "../delivery/queued-frame.ts";
import { audited } from "./audited.ts";
import { id, idempotencyKey, messageType, refuseReserved } from "./fields.ts";
import { callerKey, defineRoute } from "./route.ts";

const QueueSize = z.object({ size: z.int().openapi({ description: "How many frames wait." }) }).openapi("QueueSize");

const QueuedFrame = z.looseObject({ type: messageType().default(DEFAULT_TYPE) }).openapi({
  description: "A whole frame. All its members go along, but `timestamp` and `message_id`, which are the server's.",
  example: { type: "notice", message: { text: "晚饭好了" }, priority: 1 },
});

export const readQueue = defineRoute({
  method: "get",
  path: "/api/queue/",
  tag: "Queue",
  summary: "How many frames wait to be pushed",
  may: ["service"],
  data: QueueSize,
}).handle(async (_input, _asker, { queue, inlet }) => ({
  size: (await queue.sizes()).waiting + ((await inlet?.size()) ?? 0),
}));

export const enqueue = defineRoute({
  method: "post",
  path: "/api/queue/",
  tag: "Queue",
  summary: "Queue a frame: it is pushed to the user in its turn, also after a restart",
  may: ["service"],
  takesKey: true,
  body: z.object({ user_id: id(), message: QueuedFrame, idempotency_key: idempotencyKey() }),
  data: QueueSize,
}).handle(async ({ body: { user_id, message, idempotency_key } }, asker, { queue }) => {
  refuseReserved(message.type);
  return { size: await queue.enqueue(user_id, message, callerKey(asker, idempotency_key)) };
});

export const clearQueue = defineRoute({
  method: "delete",
  path: "/api/queue/",
  tag: "Queue",
  summary: "Forget every frame that waits",
  may: [],
  data: QueueSize,
}).handle(async (_input, asker, environment) => {
  await environment.inlet?.clear();
  await environment.queue.clear();
  await audited(asker, environment, "queue cleared", {});
  return { size: 0 };
});
