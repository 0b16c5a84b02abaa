// The least a gateway can be on Bun: one Map lookup authenticates a socket, HTTP is open to anyone, and there are no
// limits, schemas, storage, metrics or logs. It answers the same frames as ours does in these scenarios.
import { readFileSync } from "node:fs";

const tokens = readFileSync(process.env.BENCH_TOKENS ?? "", "utf8").split("\n");
const users = new Map(tokens.map((token, line) => [token, String(line + 1)]));
const now = () => new Date().toISOString();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, server) {
    const url = new URL(request.url);
    if (request.method === "POST") {
      const { type, message, user_id } = JSON.parse(await request.text());
      if (typeof type !== "string" || message == null) return Response.json({ status: "error" }, { status: 400 });
      const data = { type, message, timestamp: now(), message_id: Bun.randomUUIDv7() };
      server.publish(url.pathname === "/api/broadcast/" ? "all" : `user:${user_id}`, JSON.stringify(data));
      return Response.json({ status: "success", message: "消息发送成功", data });
    }
    const user = users.get(url.searchParams.get("token") ?? "");
    if (user !== undefined && server.upgrade(request, { data: user })) return undefined;
    return new Response("", { status: 401 });
  },
  websocket: {
    data: "" as string,
    open(ws) {
      const ids = { user_id: ws.data, device_id: Number(ws.data), session_id: Bun.randomUUIDv7() };
      ws.send(JSON.stringify({ type: "connection_status", status: "connected", ...ids, timestamp: now() }));
      ws.subscribe("all");
      ws.subscribe(`user:${ws.data}`);
    },
    message(ws, text) {
      const type: unknown = JSON.parse(String(text)).type;
      if (type === "ping") ws.send(JSON.stringify({ type: "pong", timestamp: now() }));
      else ws.send(JSON.stringify({ type: "error", message: `Unsupported message type: ${type}`, timestamp: now() }));
    },
  },
});
console.log(server.url.origin);
