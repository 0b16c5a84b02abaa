import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cleanEnvironment } from "./support/command.ts";
import { timestamp } from "./support/expect.ts";
import { companion, type Person, person } from "./support/people.ts";
import { pythonWithWebsockets } from "./support/python.ts";
import { TestServer } from "./support/server.ts";
import type { Frame } from "./support/socket.ts";
import { Queue, within } from "./support/wait.ts";

/*
 * Clients of the original system put `{"type","message","timestamp"}` on the wire, the token into the query, and every 30 s a `ping`
 * with an empty object. These do the same; the listings of its document are run by `npm run test:original`.
 */

let server: TestServer;
let python: string;
let alice: Person;
let deviceId: number;

beforeAll(async () => {
  [server, python] = await Promise.all([TestServer.start({ LTY_RATE_LIMIT_MESSAGES: "100" }), pythonWithWebsockets()]);
  alice = await person(server);
  deviceId = (await companion(server, alice, { is_primary: true })).id;
}, 120_000);
afterAll(() => server[Symbol.asyncDispose]());

interface PlainClient extends AsyncDisposable {
  say(type: string, message: unknown): void;
  next(): Promise<Frame>;
}

/** As a browser page, or a program in JavaScript, does it. */
async function javascript(): Promise<PlainClient> {
  const frames = new Queue<Frame>();
  const socket = new WebSocket(`${server.wsUrl}/ws/device/?token=${alice.token}`);
  const closed = new Promise<CloseEvent>((resolve) => {
    socket.onclose = resolve;
  });
  socket.onmessage = ({ data }) => frames.push(JSON.parse(data) as Frame);
  return {
    say: (type, message) => socket.send(JSON.stringify({ type, message, timestamp: new Date().toISOString() })),
    next: () => frames.take("a frame"),
    [Symbol.asyncDispose]: async () => {
      socket.close(1000, "再见");
      expect(await within(closed, "the close")).toMatchObject({ code: 1000, reason: "再见" });
    },
  };
}

/** As a program in Python does it. Its timestamps have no zone. */
async function pythonClient(): Promise<PlainClient> {
  const child = Bun.spawn([python, join(import.meta.dir, "support", "plain_client.py")], {
    env: cleanEnvironment({ URL: server.wsUrl, TOKEN: alice.token, PYTHONUTF8: "1" }),
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const frames = new Queue<Frame>();
  const reading = (async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) frames.push(JSON.parse(line) as Frame);
    }
    frames.end(new Error("the client ended"));
  })();
  return {
    say: (type, message) => {
      child.stdin.write(`${JSON.stringify([type, message])}\n`);
      child.stdin.flush();
    },
    next: () => frames.take("a frame"),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      try {
        expect(await within(child.exited, "the client's exit")).toBe(0);
      } finally {
        child.kill("SIGKILL");
      }
      await reading;
    },
  };
}

const sky = { now: { temp: "25", text: "晴", icon: "100" }, updateTime: "2023-01-01T12:00:00Z" };
const song = { song: "青花瓷", artist: "周杰伦" };
const waltz = { dance: "华尔兹", style: "优雅", duration: "30秒" };

/** What is said, and the whole answer beside its timestamp. */
const talk: readonly (readonly [type: string, message: unknown, answer: object])[] = [
  ["ping", {}, { type: "pong" }],
  ["chat_message", "你好", { type: "chat_response", message: "收到消息:你好" }],
  [
    "weather",
    { city: "上海" },
    { type: "weather_response", data: { city: { name: "上海" }, weather: sky, provider: "fixed" } },
  ],
  [
    "sing",
    song,
    { type: "sing_response", data: { ...song, action: "start_singing" }, message: "开始播放:青花瓷 - 周杰伦" },
  ],
  [
    "dance",
    waltz,
    { type: "dance_response", data: { ...waltz, action: "start_dancing" }, message: "开始跳舞:华尔兹 (优雅)" },
  ],
  ["fly", {}, { type: "error", message: "Unsupported message type: fly", code: "UNSUPPORTED_TYPE" }],
];

for (const [language, connect] of Object.entries({ JavaScript: javascript, Python: pythonClient })) {
  describe(`a client of the original system, in ${language},`, () => {
    test("is answered as it was, and receives pushes", async () => {
      await using client = await connect();
      expect(await client.next()).toEqual({
        type: "connection_status",
        status: "connected",
        user_id: String(alice.id),
        device_id: deviceId,
        session_id: expect.any(String),
        timestamp,
      } as never);
      for (const [type, message, answer] of talk) {
        client.say(type, message);
        expect(await client.next()).toEqual({ ...answer, timestamp } as never);
      }

      const push = { type: "notice", message: { text: "晚饭好了" } };
      for (const [path, more] of [
        ["/api/messages/", { user_id: alice.id }],
        [`/api/users/${alice.id}/messages/`, { sender: "root" }],
        [`/api/devices/${deviceId}/messages/`, {}],
        ["/api/broadcast/", {}],
      ] as const) {
        await server.data("POST", path, { ...push, ...more });
        const sender = "sender" in more ? { sender: more.sender } : {};
        expect(await client.next()).toEqual({ ...push, ...sender, message_id: expect.any(String), timestamp } as never);
      }
    });

    test("may say everything at once, and is answered in order", async () => {
      await using client = await connect();
      await client.next();
      // ping overtakes what is still being worked on; of the rest nothing takes its time.
      for (const [type, message] of talk) client.say(type, message);
      for (const [, , answer] of talk) expect(await client.next()).toMatchObject(answer);
    });
  });
}
