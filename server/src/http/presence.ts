import { z } from "@hono/zod-openapi";
import { GatewayError } from "@qy-lty/protocol";
import type { ConnectionRecord } from "../presence/presence.ts";
import { audited } from "./audited.ts";
import { moment, toIso } from "./fields.ts";
import { defineRoute } from "./route.ts";
import { ownOnly } from "./who-may.ts";

const ConnectionItem = z.object({
  session_id: z.string(),
  user_id: z.int().nullable(),
  device_id: z.int().nullable(),
  role: z
    .enum(["app", "device", "user"])
    .openapi({ description: "`user`: a connection without a role, as the original system had them." }),
  connected_at: moment(),
  last_activity: moment(),
  remote: z.string(),
  node: z.string(),
});

export const onlineUsers = defineRoute({
  method: "get",
  path: "/api/online-users/",
  tag: "Presence",
  summary: "Users who are connected, by any of their connections",
  may: ["user", "service"],
  data: z.object({ users: z.array(z.int()), count: z.int() }),
}).handle(async (_input, { principal }, { presence }) => {
  const only = ownOnly(principal);
  const online = (await presence.onlineUsers()).filter((userId) => only === undefined || userId === only);
  const users = online.sort((a, b) => a - b);
  return { users, count: users.length };
});

export const listConnections = defineRoute({
  method: "get",
  path: "/api/connections/",
  tag: "Presence",
  summary: "Open connections",
  may: ["user", "service"],
  data: z.object({ total_connections: z.int(), connections: z.array(ConnectionItem) }),
}).handle(async (_input, { principal }, { presence }) => {
  const connections = (await presence.connections(ownOnly(principal))).map(describe);
  return { total_connections: connections.length, connections };
});

export const closeConnection = defineRoute({
  method: "delete",
  path: "/api/connections/{session_id}/",
  tag: "Presence",
  summary: "Close a connection (1000)",
  may: [],
  params: z.object({ session_id: z.uuid() }),
  data: z.object({ session_id: z.string() }),
}).handle(async ({ params: { session_id } }, asker, environment) => {
  if (!(await environment.presence.close(session_id))) throw new GatewayError("NOT_FOUND");
  await audited(asker, environment, "connection closed", { session_id });
  return { session_id };
});

function describe(connection: ConnectionRecord): z.output<typeof ConnectionItem> {
  return {
    session_id: connection.id,
    user_id: connection.userId,
    device_id: connection.deviceId,
    role: connection.role,
    connected_at: toIso(connection.connectedAt) ?? "",
    last_activity: toIso(connection.lastActivity) ?? "",
    remote: connection.remote,
    node: connection.node,
  };
}
