import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import { TICKET_LIFETIME_MS } from "../auth/tickets.ts";
import { id } from "./fields.ts";
import { type Asker, defineRoute, type HttpEnvironment } from "./route.ts";
import { isAdmin, requireOwn } from "./who-may.ts";

export const createTicket = defineRoute({
  method: "post",
  path: "/api/tickets/",
  tag: "Tokens",
  summary: "Create a one-use socket ticket for oneself, or for a device of one's own",
  may: ["user", "device"],
  status: 201,
  body: z.object({ device_id: id().optional() }),
  data: z.object({ ticket: z.string(), expires_in_s: z.int() }),
}).handle(async ({ body }, asker, environment) => {
  if (body.device_id !== undefined) await requireOwnDevice(body.device_id, asker, environment);
  const ticket = await environment.tickets.issue({ tokenId: asker.tokenId, deviceId: body.device_id ?? null });
  return { ticket, expires_in_s: TICKET_LIFETIME_MS / 1000 };
});

async function requireOwnDevice(deviceId: number, { principal }: Asker, { store }: HttpEnvironment): Promise<void> {
  if (principal.kind === "device") {
    if (principal.deviceId !== deviceId) throw new GatewayError("NOT_FOUND");
    return;
  }
  const device = await store.devices.find(deviceId);
  if (device === undefined) throw new GatewayError("NOT_FOUND");
  if (!isAdmin(principal)) requireOwn(principal, device.user_id);
}
