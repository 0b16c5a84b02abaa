import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { companion, type Person, person } from "./support/people.ts";
import { RawSocket } from "./support/raw-socket.ts";
import { frameOf, push, pushMany, pushToDevice, quiet, range, states, take } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { type Frame, TestSocket } from "./support/socket.ts";
import { PATIENCE_MS } from "./support/wait.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const open = (user: Person) => TestSocket.open(server.wsUrl, { path: `/ws/device/token/${user.token}/` });
const bodies = (frames: readonly Frame[]) => frames.map(({ message }) => message);

/** Waits for the state of a message for the connections that name nothing; each look is a round through the server. */
async function reaches(user: Person, message: { readonly message_id: string }, state: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    if ((await states(server, message))[`user:${user.id}`] === state) return;
  }
  throw new Error(`not ${state}: ${JSON.stringify(await states(server, message))}`);
}

/** Texts until `count` have come, for a peer that pongs nothing; pings are passed over. */
async function texts(socket: RawSocket, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) found.push((await socket.json()).message);
  return found;
}

describe("a client of the original document", () => {
  test("that was away during 100 pushes gets the 100 in order when it comes back, and not again on the next", async () => {
    const user = await person(server);
    const first = await open(user);
    first.close();
    await first.ended();
    const pushed = await pushMany(server, user, 100);
    {
      using socket = await open(user);
      const frames = await take(socket, 100);
      expect(bodies(frames)).toEqual(range(1, 100));
      expect(frames.map(({ message_id }) => message_id)).toEqual(pushed.map(({ message_id }) => message_id));
      // Nothing that it does not know is on them.
      const members = new Set(frames.flatMap((frame) => Object.keys(frame)));
      expect(members).toEqual(new Set(["type", "message", "timestamp", "message_id"]));
      expect(await quiet(socket)).toEqual([]);
    }
    using again = await open(user);
    expect(await quiet(again)).toEqual([]);
    const next = await push(server, user, "next");
    expect(await again.next()).toMatchObject({ message: "next", message_id: next.message_id });
  });

  test("that was never there before gets what is waiting, its primary device's too, also over a restart", async () => {
    const user = await person(server);
    const device = await companion(server, user, { is_primary: true });
    await push(server, user, "one");
    await pushToDevice(server, device, "two");
    await server.restart("SIGKILL");
    const last = await push(server, user, "three");
    {
      using socket = await open(user);
      expect(bodies(await take(socket, 3))).toEqual(["one", "two", "three"]);
      await reaches(user, last, "acknowledged");
    }
    await server.restart("SIGTERM");
    using again = await open(user);
    expect(await quiet(again)).toEqual([]);
  });

  test("that is cut before its pong gets again what it may not have received", async () => {
    const user = await person(server);
    const pushed = await pushMany(server, user, 3);
    const socket = await RawSocket.open(server.port, user.token);
    await pongFirst(socket);
    expect(await texts(socket, 3)).toEqual([1, 2, 3]);
    socket[Symbol.dispose]();
    await reaches(user, pushed[2] ?? { message_id: "" }, "delivered");
    using again = await open(user);
    expect(bodies(await take(again, 3))).toEqual([1, 2, 3]);
  });

  test("acknowledges by its pongs up to what they say, whatever it says", async () => {
    const user = await person(server);
    const [first, second] = await pushMany(server, user, 2);
    using socket = await RawSocket.open(server.port, user.token);
    await pongFirst(socket);
    expect(await texts(socket, 2)).toEqual([1, 2]);
    // Of these none is what it was pinged with, or they are older.
    for (const payload of ["3", "99999", "-1", "1.5", "x", "9".repeat(30), ""]) pong(socket, payload);
    pong(socket, "1");
    await reaches(user, first ?? { message_id: "" }, "acknowledged");
    expect((await states(server, second ?? { message_id: "" }))[`user:${user.id}`]).toBe("delivered");
    pong(socket, "2");
    await reaches(user, second ?? { message_id: "" }, "acknowledged");
  });
});

describe("a peer that never pongs", () => {
  test("gets its messages all the same, and acknowledges them by any frame", async () => {
    const user = await person(server);
    const pushed = await pushMany(server, user, 3);
    const last = pushed[2] ?? { message_id: "" };
    {
      using socket = await RawSocket.open(server.port, user.token);
      expect(await texts(socket, 3)).toEqual([1, 2, 3]);
      await reaches(user, last, "delivered");
    }
    using again = await RawSocket.open(server.port, user.token);
    expect(await texts(again, 3)).toEqual([1, 2, 3]);
    again.write(encodeFrame(Opcode.text, '{"type":"ping"}'));
    expect(await again.json()).toMatchObject({ type: "pong" });
    await reaches(user, last, "acknowledged");
    again[Symbol.dispose]();

    using third = await open(user);
    expect(await quiet(third)).toEqual([]);
  }, 60_000);

  test("does not acknowledge by a frame that was under way before its messages were sent", async () => {
    const user = await person(server);
    const [only] = await pushMany(server, user, 1);
    const { socket } = await RawSocket.handshake(
      server.port,
      `/ws/device/?token=${user.token}`,
      {},
      encodeFrame(Opcode.text, '{"type":"ping"}'),
    );
    using peer = socket;
    expect(await peer.json()).toMatchObject({ type: "connection_status" });
    expect(await peer.json()).toMatchObject({ type: "pong" });
    expect(await texts(peer, 1)).toEqual([1]);
    expect((await states(server, only ?? { message_id: "" }))[`user:${user.id}`]).toBe("delivered");
  });
});

describe("several connections of one user that name nothing", () => {
  test("all get everything, and their one cursor is the least of what they acknowledged", async () => {
    const user = await person(server);
    using good = await open(user);
    const silent = await RawSocket.open(server.port, user.token);
    const [first, second] = await pushMany(server, user, 2);
    expect(bodies(await take(good, 2))).toEqual([1, 2]);
    expect(await texts(silent, 2)).toEqual([1, 2]);
    await quiet(good);
    for (const message of [first, second]) {
      expect((await states(server, message ?? { message_id: "" }))[`user:${user.id}`]).toBe("delivered");
    }
    // It leaves: the cursor stays where it was, and whoever comes next gets what it may have missed.
    silent[Symbol.dispose]();
    await silent.gone();
    expect((await states(server, second ?? { message_id: "" }))[`user:${user.id}`]).toBe("delivered");
    using next = await open(user);
    expect(bodies(await take(next, 2))).toEqual([1, 2]);
    await reaches(user, second ?? { message_id: "" }, "acknowledged");
    expect(await quiet(good)).toEqual([]);
  });

  test("each get a message once, in order", async () => {
    const user = await person(server);
    const sockets = await Promise.all(range(1, 8).map(() => open(user)));
    const pushed = await pushMany(server, user, 40);
    for (const socket of sockets) {
      const frames = await take(socket, 40);
      expect(frames.map(({ message_id }) => message_id)).toEqual(pushed.map(({ message_id }) => message_id));
      expect(await quiet(socket)).toEqual([]);
    }
    await reaches(user, pushed[39] ?? { message_id: "" }, "acknowledged");
    for (const socket of sockets) socket[Symbol.dispose]();
    using again = await open(user);
    expect(await quiet(again)).toEqual([]);
  });
});

function pong(socket: RawSocket, payload: string | Uint8Array): void {
  socket.write(encodeFrame(Opcode.pong, payload));
}

/** Answers the first ping, by which the server learns that this peer pongs. */
async function pongFirst(socket: RawSocket): Promise<void> {
  const { opcode, payload } = await socket.next();
  expect(opcode).toBe(Opcode.ping);
  pong(socket, payload);
}

test("the frame of a message is the original's, with its id", async () => {
  const user = await person(server);
  using socket = await open(user);
  const pushed = await push(server, user, { text: "晚饭好了" });
  const { seq, ...frame } = frameOf(pushed, { text: "晚饭好了" });
  expect(seq).toBe(1);
  expect(await socket.next()).toEqual(frame as never);
});
