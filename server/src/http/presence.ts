import { z } from "@hono/zod-openapi";
import { Close, GatewayError } from "@qy-lty/protocol";
import type { Principal } from "../auth/principal.ts";
import type { Session } from "../session/session.ts";
import { moment, toIso } from "./fields.ts";
import { defineRoute, type HttpEnvironment } from "./route.ts";
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
}).handle((_input, { principal }, { registry }) => {
  const only = ownOnly(principal);
  const online = [...registry.users.topics()].filter((userId) => only === undefined || userId === only);
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
}).handle((_input, { principal }, environment) => {
  const connections = visibleTo(principal, environment).map(describe);
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
}).handle(({ params: { session_id } }, _asker, { registry }) => {
  const session = registry.find(session_id);
  if (session === undefined) throw new GatewayError("NOT_FOUND");
  session.close(Close.closedByAdministrator);
  return { session_id };
});

function visibleTo(principal: Principal, { registry }: HttpEnvironment): Session[] {
  const only = ownOnly(principal);
  return [...registry.all()].filter((session) => only === undefined || session.admission?.userId === only);
}

function describe(session: Session): z.output<typeof ConnectionItem> {
  return {
    session_id: session.id,
    user_id: session.admission?.userId ?? null,
    device_id: session.admission?.deviceId ?? null,
    role: session.admission?.role ?? "user",
    connected_at: toIso(session.connectedAt) ?? "",
    last_activity: toIso(session.lastActivity) ?? "",
    remote: session.remote,
    node: NODE,
  };
}

/** One process is one node; its name matters once there are several. */
const NODE = "local";
