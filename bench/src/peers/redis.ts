// The bare server with Redis for its log: a push is answered when XADD was, and Redis syncs its file before it answers
// (`appendfsync always`), one sync for all that came in meanwhile. Sockets get what they get from the bare server.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const tokens = readFileSync(process.env.BENCH_TOKENS ?? "", "utf8").split("\n");
const users = new Map(tokens.map((token, line) => [token, String(line + 1)]));
const now = () => new Date().toISOString();

const socket = join(process.cwd(), "redis.sock");
const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
// Goes when this process goes, however that ends.
const command = ["setpriv", "--pdeathsig", "KILL", "redis-server", "--port", "0", "--unixsocket", socket, ...durable];
Bun.spawn([...command, "--dir", process.cwd()], { stdout: "ignore", stderr: "inherit" });
while (
  !(await Bun.file(socket)
    .stat()
    .catch(() => undefined))
)
  await Bun.sleep(10);
const redis = new Bun.RedisClient(`redis+unix://${socket}`);
await redis.connect();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, server) {
    const url = new URL(request.url);
    if (request.method === "POST") {
      const { type, message, user_id } = JSON.parse(await request.text());
      if (typeof type !== "string" || message == null) return Response.json({ status: "error" }, { status: 400 });
      const data = { type, message, timestamp: now(), message_id: Bun.randomUUIDv7() };
      const frame = JSON.stringify(data);
      await redis.send("XADD", [`user:${user_id}`, "*", "frame", frame]);
      server.publish(`user:${user_id}`, frame);
      return Response.json({ status: "success", message: "消息发送成功", data });
    }
    const user = users.get(url.searchParams.get("token") ?? "");
    if (user !== undefined && server.upgrade(request, { data: user })) return undefined;
    return new Response("", { status: 401 });
  },
  websocket: {
    data: "" as string,
    open(ws) {
      ws.send(JSON.stringify({ type: "connection_status", status: "connected", user_id: ws.data, timestamp: now() }));
      ws.subscribe(`user:${ws.data}`);
    },
    message() {},
  },
});
console.log(server.url.origin);
