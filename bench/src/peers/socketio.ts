// Socket.IO on Node.js, WebSocket transport only: the token is checked in the handshake by a Map lookup, a ping event is
// answered by a pong event, and an HTTP POST publishes to a user's room or to everyone. With BENCH_REDIS it is one node of
// several, joined by the Redis adapter.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter } from "@socket.io/redis-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const tokens = readFileSync(process.env.BENCH_TOKENS ?? "", "utf8").split("\n");
const users = new Map(tokens.map((token, line) => [token, String(line + 1)]));
const now = () => new Date().toISOString();

const http = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const { type, message, user_id } = JSON.parse(text);
  const valid = typeof type === "string" && message != null;
  const data = { message, timestamp: now(), message_id: crypto.randomUUID() };
  if (valid) (request.url === "/api/broadcast/" ? io : io.to(`user:${user_id}`)).emit(type, data);
  response.writeHead(valid ? 200 : 400, { "content-type": "application/json" });
  response.end(JSON.stringify({ status: valid ? "success" : "error", data }));
});

const redis = process.env.BENCH_REDIS;
const adapter = redis === undefined ? {} : { adapter: createAdapter(new Redis(redis), new Redis(redis)) };
const io = new Server(http, { transports: ["websocket"], serveClient: false, ...adapter });
io.use((socket, next) => {
  const user = users.get(socket.handshake.auth.token);
  if (user === undefined) return next(new Error("unauthenticated"));
  socket.data.user = user;
  next();
});
io.on("connection", (socket) => {
  const user: string = socket.data.user;
  void socket.join(`user:${user}`);
  socket.emit("connection_status", { status: "connected", user_id: user, session_id: socket.id, timestamp: now() });
  socket.on("ping", () => socket.emit("pong", { timestamp: now() }));
});
http.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}`));
