/**
 * How long from `connect()` to the first pong: our client and gateway beside socket.io-client and Socket.IO, and beside a
 * bare WebSocket to our gateway, all in one process and in turn, so that what drifts falls on all alike.
 *
 *     npm run bench:connect [-- --rounds N] [-- --save NAME]
 */
import { io } from "socket.io-client";
import { LtyClient } from "../../clients/typescript/src/index.ts";
import { type Rounds, runConnect } from "./connect-report.ts";
import { startServer } from "./running-server.ts";
import { mintCredentials } from "./seed.ts";
import { prepareServers } from "./servers.ts";
import { temporaryFolder } from "./workspace.ts";

/** Rounds that are not counted: code gets warm. */
const WARM_UP = 20;

type Contestant = "ours" | "bare WebSocket" | "socket.io";

interface Places {
  readonly ours: string;
  readonly socketio: string;
  readonly token: string;
}

async function ours({ ours: url, token }: Places): Promise<number> {
  const start = performance.now();
  const client = new LtyClient({ url, token });
  await client.connect();
  await client.request("ping");
  const took = performance.now() - start;
  await client.close();
  return took;
}

async function bare({ ours: url, token }: Places): Promise<number> {
  const done = Promise.withResolvers<number>();
  const start = performance.now();
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws/device/`, {
    headers: { authorization: `Bearer ${token}` },
    protocols: ["lty.v1"],
  });
  socket.onmessage = ({ data }) => {
    const { type } = JSON.parse(String(data)) as { readonly type: string };
    if (type === "pong") done.resolve(performance.now() - start);
    else socket.send('{"type":"ping"}');
  };
  socket.onclose = ({ code }) => done.reject(new Error(`closed: ${code}`));
  const took = await done.promise;
  socket.close();
  return took;
}

async function socketIo({ socketio, token }: Places): Promise<number> {
  const done = Promise.withResolvers<number>();
  const start = performance.now();
  const socket = io(socketio, { transports: ["websocket"], auth: { token }, forceNew: true, reconnection: false });
  socket.on("connect", () => socket.emit("ping", {}));
  socket.on("pong", () => done.resolve(performance.now() - start));
  socket.on("connect_error", done.reject);
  const took = await done.promise;
  socket.disconnect();
  return took;
}

/** Measures so many rounds. */
export async function connectRounds(count: number): Promise<Rounds> {
  const folder = temporaryFolder();
  const credentials = mintCredentials(1, folder);
  const options = { credentials, folder, base: undefined, calibrate: false };
  const launches = await prepareServers(["ours", "socketio"], options);
  await using stack = new AsyncDisposableStack();
  const origins: string[] = [];
  for (const launch of launches) {
    const server = await startServer(launch, folder, { prefix: [] });
    stack.defer(() => server.stop());
    origins.push(server.origin);
  }
  const [first = "", second = ""] = origins;
  const places = { ours: first, socketio: second, token: credentials.users[0] ?? "" };
  const rounds: Record<Contestant, number[]> = { ours: [], "bare WebSocket": [], "socket.io": [] };
  const contestants = [
    ["ours", ours],
    ["bare WebSocket", bare],
    ["socket.io", socketIo],
  ] as const;
  for (let round = -WARM_UP; round < count; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(round + WARM_UP + turn) % contestants.length];
      if (contestant === undefined) continue;
      const [name, measure] = contestant;
      const took = await measure(places);
      if (round >= 0) rounds[name].push(took);
    }
  }
  return rounds;
}

if (import.meta.main) await runConnect("From connect() to the first pong", ({ rounds }) => connectRounds(rounds));
