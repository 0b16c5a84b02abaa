import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { companion, person } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { type Frame, TestSocket } from "./support/socket.ts";

/** Frames per connection on the second server; a principal may have 4 times as many. */
const FEW = 10;

let server: TestServer;
let frugal: TestServer;

beforeAll(async () => {
  [server, frugal] = await Promise.all([
    // The defaults: 100 frames in 60 s.
    TestServer.start({ LTY_RATE_LIMIT_MESSAGES: "100" }),
    // So long a window that nothing worth counting comes back while a test runs.
    TestServer.start({ LTY_RATE_LIMIT_MESSAGES: String(FEW), LTY_RATE_LIMIT_WINDOW_S: "600" }),
  ]);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), frugal[Symbol.asyncDispose]()]));

/** Sends `count` frames in one go; everything that comes until the close. */
async function flood(socket: TestSocket, count: number, frame: (index: number) => void) {
  for (let index = 0; index < count; index++) frame(index);
  return socket.ended();
}

const limited = {
  type: "error",
  message: "Rate limit exceeded",
  code: "RATE_LIMITED",
  retry_after_ms: expect.any(Number),
  timestamp: expect.any(String),
};

describe("the rate of a connection", () => {
  test("of 101 quick frames 100 are answered, the next is RATE_LIMITED, and the socket closes with 4008", async () => {
    const { token } = await person(server);
    using socket = await TestSocket.open(server.wsUrl, { token });
    const { code, reason, frames } = await flood(socket, 101, (index) => socket.send({ type: "ping", id: `${index}` }));
    expect({ code, reason }).toEqual({ code: 4008, reason: "rate limit exceeded" });
    expect(frames.slice(0, 100).map(({ type, id }) => [type, id])).toEqual(
      Array.from({ length: 100 }, (_, index) => ["pong", `${index}`]),
    );
    // It comes before the id is read.
    expect(frames.slice(100)).toEqual([limited] as unknown as Frame[]);
    // 100 in 60 s: the next fits within 600 ms.
    expect(frames[100]?.retry_after_ms).toBeWithin(1, 601);
  });

  test("is exceeded once: of what follows nothing is answered", async () => {
    const { token } = await person(server);
    using socket = await TestSocket.open(server.wsUrl, { token });
    const { frames } = await flood(socket, 500, () => socket.send({ type: "ping" }));
    expect(frames).toHaveLength(101);
  });

  test("counts every frame: bad ones, unknown ones, too large ones, binary ones", async () => {
    const { token } = await person(server);
    using socket = await TestSocket.open(server.wsUrl, { token });
    const kinds: readonly (() => void)[] = [
      () => socket.send("no JSON"),
      () => socket.send({ type: "nothing" }),
      () => socket.send("x".repeat(10_241)),
      () => socket.sendBytes(new Uint8Array(3)),
      () => socket.send([]),
    ];
    const { code, frames } = await flood(socket, 101, (index) => kinds[index % kinds.length]?.());
    expect(code).toBe(4008);
    expect(new Set(frames.slice(0, 100).map((frame) => frame.code))).toEqual(
      new Set(["INVALID_JSON", "UNSUPPORTED_TYPE", "MESSAGE_TOO_LARGE", "UNSUPPORTED_BINARY", "INVALID_MESSAGE"]),
    );
    expect(frames.slice(100).map((frame) => frame.code)).toEqual(["RATE_LIMITED"]);
  });

  const last: Record<string, (socket: TestSocket) => void> = {
    "a frame that is too large": (socket) => socket.send("x".repeat(10_241)),
    "no JSON": (socket) => socket.send("{"),
    "a binary frame": (socket) => socket.sendBytes(new Uint8Array(1)),
  };
  for (const [name, send] of Object.entries(last)) {
    test(`is checked first: ${name} beyond it is RATE_LIMITED`, async () => {
      const { token } = await person(server);
      using socket = await TestSocket.open(server.wsUrl, { token });
      const { frames } = await flood(socket, 101, (index) =>
        index < 100 ? socket.send({ type: "ping" }) : send(socket),
      );
      expect(frames.at(-1)?.code).toBe("RATE_LIMITED");
    });
  }

  test("does not count what the server sends, nor pings and pongs of the protocol", async () => {
    const { id, token } = await person(frugal);
    using socket = await TestSocket.open(frugal.wsUrl, { token });
    for (let count = 0; count < 2 * FEW; count++) {
      await frugal.api("POST", "/api/messages/", { token, body: { type: "note", message: "hi", user_id: id, ttl: 0 } });
    }
    expect(await socket.rest()).toHaveLength(2 * FEW);
  });
});

/** Opens a socket and uses its rate up; the close code. */
async function exhaust(token: string, frames = FEW + 1): Promise<readonly Frame[]> {
  using socket = await TestSocket.open(frugal.wsUrl, { token });
  return (await flood(socket, frames, () => socket.send({ type: "ping" }))).frames;
}

describe("the rate of a principal, 4 times as much,", () => {
  test("is shared by its sockets and requests, and reconnecting does not reset it", async () => {
    const { id, token } = await person(frugal);
    const device = await companion(frugal, { id });
    for (let connection = 1; connection <= 4; connection++) {
      expect((await exhaust(token)).filter((frame) => frame.type === "pong")).toHaveLength(FEW);
    }
    // The fifth connection is let in, and has nothing left.
    using fifth = await TestSocket.open(frugal.wsUrl, { token });
    expect(await fifth.ask({ type: "ping" })).toEqual(limited as unknown as Frame);
    expect((await fifth.ended()).code).toBe(4008);

    const { status, headers, body } = await frugal.api("GET", "/api/online-users/", { token });
    expect([status, body.code]).toEqual([429, "RATE_LIMITED"]);
    expect(Number(headers.get("retry-after"))).toBeWithin(1, 61);

    // Another principal, even a device of the same user, has a rate of its own.
    using other = await TestSocket.open(frugal.wsUrl, { token: device.token });
    expect(await other.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("is shared by all tokens of a user", async () => {
    const { id, token } = await person(frugal);
    const second = await frugal.lty(
      "token",
      "create",
      "--user",
      (await frugal.data(`GET`, `/api/users/${id}/`)).username as string,
      "--quiet",
    );
    for (const used of [token, second, token, second]) await exhaust(used);
    expect((await exhaust(second, 1)).map((frame) => frame.code)).toEqual(["RATE_LIMITED"]);
  });

  test("is used up by requests alone, and then sockets have nothing left either", async () => {
    const { token } = await person(frugal);
    const statuses = new Map<number, number>();
    for (let count = 0; count < 4 * FEW + 3; count++) {
      const { status } = await frugal.api("GET", "/api/online-users/", { token });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect(statuses).toEqual(
      new Map([
        [200, 4 * FEW],
        [429, 3],
      ]),
    );
    expect((await exhaust(token, 1)).map((frame) => frame.code)).toEqual(["RATE_LIMITED"]);
  });
});

test("LTY_RATE_LIMIT_MESSAGES=0 switches both off", async () => {
  await using free = await TestServer.start({ LTY_RATE_LIMIT_MESSAGES: "0" });
  using socket = await TestSocket.open(free.wsUrl, { token: free.adminToken });
  for (let count = 0; count < 2_000; count++) socket.send({ type: "ping" });
  expect((await socket.rest()).filter((frame) => frame.type === "pong")).toHaveLength(2_000);
});
