import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { household, issue } from "./support/people.ts";
import { refusalOf, wrongToken } from "./support/refusal.ts";
import {
  acknowledge,
  app,
  frameOf,
  LTY_V1,
  push,
  pushMany,
  pushToDevice,
  quiet,
  range,
  reliable,
  seqs,
  standing,
  take,
  whereabouts,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

/** How long a client may take to say who it is, milliseconds. */
const FIRST_FRAME_MS = 5_000;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

/** A device that handled 5 of 8 messages; the server heard of 2. */
async function behind() {
  const { user, device } = await household(server);
  const pushed = await pushMany(server, user, 8);
  using socket = await reliable(server, device);
  await take(socket, 8);
  await acknowledge(socket, 2);
  const last = pushed[4] ?? { seq: 0, message_id: "" };
  return { user, device, pushed, where: whereabouts(socket, last), consumer: `device:${device.id}` };
}

type Where = Readonly<Record<string, string>>;

/** The two ways in which a client says where it stands. */
const ways: Record<string, (token: string, where: Where) => Promise<TestSocket>> = {
  "in the query": (token, query) => reliable(server, { token, query }),
  "in the auth frame": async (token, where) => {
    const socket = TestSocket.knock(server.wsUrl, { protocol: LTY_V1 });
    await socket.upgraded;
    // A number is as good as its text here.
    const seq = where.seq === undefined ? {} : { seq: Number(where.seq) };
    socket.send({ type: "auth", message: { token, ...where, ...seq } });
    await socket.greeted();
    return socket;
  },
};

for (const [way, connect] of Object.entries(ways)) {
  describe(`a client that says ${way} where it stands`, () => {
    test("is taken at its word where the log agrees: the cursor moves up", async () => {
      const { device, where, consumer } = await behind();
      {
        using socket = await connect(device.token, where);
        expect(standing(socket)).toEqual({ consumer, acked: 5, top: 8, resumed: true });
        expect(seqs(await take(socket, 3))).toEqual([6, 7, 8]);
        expect(await quiet(socket)).toEqual([]);
      }
      using again = await connect(device.token, {});
      expect(standing(again)).toEqual({ consumer, acked: 5, top: 8, resumed: false });
    });

    test("behind its cursor has resumed, and the cursor does not go back", async () => {
      const { device, where, pushed, consumer } = await behind();
      using socket = await connect(device.token, { ...where, seq: "1", last: pushed[0]?.message_id ?? "" });
      expect(standing(socket)).toEqual({ consumer, acked: 2, top: 8, resumed: true });
      expect(seqs(await take(socket, 6))).toEqual(range(3, 8));
    });

    test("without the id of what it handled last proves nothing", async () => {
      const { device, where, consumer } = await behind();
      const { last, ...rest } = where;
      using socket = await connect(device.token, rest);
      expect(last).not.toBe("");
      expect(standing(socket)).toEqual({ consumer, acked: 2, top: 8, resumed: false });
      expect(seqs(await take(socket, 6))).toEqual(range(3, 8));
    });

    test("in another epoch gets a reset, then everything that is not acknowledged", async () => {
      const { device, where, consumer } = await behind();
      using socket = await connect(device.token, { ...where, epoch: "0".repeat(32) });
      expect(standing(socket)).toEqual({ consumer, acked: 2, top: 8, resumed: false });
      expect(await socket.next()).toEqual({
        type: "reset",
        epoch: socket.greeting.epoch,
        lost: { from: expect.any(Number), to: expect.any(Number) },
        timestamp: expect.any(String),
      } as never);
      expect(seqs(await take(socket, 6))).toEqual(range(3, 8));
    });

    test("beyond the top of the log gets a reset, in a new epoch that goes on from there", async () => {
      const { user, device, where, consumer } = await behind();
      const ahead = { ...where, seq: "20", last: crypto.randomUUID() };
      let epoch: unknown;
      {
        using socket = await connect(device.token, ahead);
        epoch = socket.greeting.epoch;
        expect(epoch).not.toBe(where.epoch);
        expect(standing(socket)).toEqual({ consumer, acked: 2, top: 8, resumed: false });
        expect(await socket.next()).toMatchObject({ type: "reset", epoch, lost: { from: 9, to: 20 } });
        expect((await take(socket, 6)).map(({ seq, redelivered }) => [seq, redelivered])).toEqual(
          range(3, 8).map((seq) => [seq, true]),
        );
        const next = await push(server, user, "new");
        expect(await socket.next()).toEqual(frameOf(next, "new"));
        await acknowledge(socket, next.seq);
      }
      using again = await connect(device.token, {});
      expect(standing(again)).toEqual({ consumer, acked: 9, top: 9, resumed: false });
      expect(again.greeting.epoch).toBe(epoch as string);
    });

    test("whose last message is another one here gets a reset, in a new epoch", async () => {
      const { device, where } = await behind();
      using socket = await connect(device.token, { ...where, last: crypto.randomUUID() });
      expect(socket.greeting.epoch).not.toBe(where.epoch);
      expect(socket.greeting.acked).toBe(2);
      expect(await socket.next()).toMatchObject({ type: "reset", epoch: socket.greeting.epoch });
      expect(seqs(await take(socket, 6))).toEqual(range(3, 8));
    });
  });
}

test("of what a client says of its place, nonsense is passed over", async () => {
  const { device, where, consumer } = await behind();
  const nonsense = [{ seq: "-1" }, { seq: "1.5" }, { seq: "x" }, { seq: "9".repeat(30) }, { seq: "" }, { epoch: "" }];
  for (const wrong of nonsense) {
    using socket = await reliable(server, { token: device.token, query: { ...where, ...wrong } });
    expect(standing(socket)).toEqual({ consumer, acked: 2, top: 8, resumed: false });
    expect(seqs(await take(socket, 6))).toEqual(range(3, 8));
  }
});

test("a client of the original document that says the same is no other than before", async () => {
  const { user, where } = await behind();
  using socket = await TestSocket.open(server.wsUrl, { token: user.token, query: where });
  expect((await take(socket, 8)).map(({ message }) => message)).toEqual(range(1, 8));
});

describe("a first frame of type auth", () => {
  const knock = async (query = {}) => {
    const socket = TestSocket.knock(server.wsUrl, { protocol: LTY_V1, query });
    await socket.upgraded;
    return socket;
  };

  test("lets in as the handshake would have, with the same parameters", async () => {
    const { user, device } = await household(server);
    const message = { token: user.token, role: "app", client_id: "phone" };
    using phone = await knock();
    phone.send({ type: "auth", message });
    expect(await phone.greeted()).toMatchObject({ consumer: `app:${user.id}:phone` });
    using stand = await knock();
    stand.send({ type: "auth", message: { token: user.token, role: "device", device: device.id } });
    expect(await stand.greeted()).toMatchObject({ consumer: `device:${device.id}` });
    expect(await phone.next()).toMatchObject({ type: "device_status", device_id: device.id, online: true });
    const pushed = await pushToDevice(server, device, "to the device");
    expect(await stand.next()).toEqual(frameOf(pushed, "to the device"));
    expect(await phone.next()).toEqual({
      type: "skip",
      seq: pushed.seq,
      reason: "filtered",
      timestamp: expect.any(String),
    });
  });

  const wrong: Record<string, string | Uint8Array<ArrayBuffer>> = {
    "another type": '{"type":"ping"}',
    "no token": '{"type":"auth","message":{}}',
    "an empty token": '{"type":"auth","message":{"token":""}}',
    "a token that is no text": '{"type":"auth","message":{"token":7}}',
    "a token of the prototype": '{"type":"auth","message":{"__proto__":{"token":"x"}}}',
    "no object": '{"type":"auth","message":"token"}',
    "no JSON": "token",
    null: "null",
    "an empty frame": "",
    bytes: new Uint8Array([1, 2, 3]),
  };
  for (const [name, frame] of Object.entries(wrong)) {
    test(`that is ${name} is refused with 4001`, async () => {
      using socket = await knock();
      if (typeof frame === "string") socket.send(frame);
      else socket.sendBytes(frame);
      const { code, frames } = await socket.ended();
      expect([...frames.map((each) => each.code), code]).toEqual(["UNAUTHENTICATED", 4001]);
    });
  }

  test("with a token that is none, or may not do that, is refused as in the handshake", async () => {
    const { user } = await household(server);
    const expected: readonly (readonly [object, unknown[]])[] = [
      [{ token: wrongToken() }, ["UNAUTHENTICATED", 4001]],
      [{ token: user.token, role: "device", device: 999_999 }, ["FORBIDDEN", 4003]],
      [{ token: user.token, role: "king" }, ["FORBIDDEN", 4003]],
      [{ token: (await issue(server, { service: "first-frames" })).token }, ["FORBIDDEN", 4003]],
    ];
    for (const [message, outcome] of expected) {
      using socket = await knock();
      socket.send({ type: "auth", message });
      const { code, frames } = await socket.ended();
      expect([...frames.map((each) => each.code), code]).toEqual(outcome as never);
    }
  });

  test("after one was let in is a type like any other that is unknown", async () => {
    const { device } = await household(server);
    using socket = await reliable(server, device);
    const again = { type: "auth", message: { token: device.token } };
    expect(await socket.ask(again)).toMatchObject({ code: "UNSUPPORTED_TYPE" });
  });

  test("that does not come within 5 s is not waited for, and nothing is said before", async () => {
    const started = performance.now();
    using socket = await knock();
    // Real seconds: it is the server's own clock that is waited for.
    const { code, frames } = await socket.ended(2 * FIRST_FRAME_MS);
    expect([...frames.map((each) => each.code), code]).toEqual(["UNAUTHENTICATED", 4001]);
    expect(performance.now() - started).toBeGreaterThan(FIRST_FRAME_MS - 100);
  }, 60_000);

  test("is not waited for without lty.v1", async () => {
    expect(await refusalOf(server, {})).toEqual(["UNAUTHENTICATED", 4001]);
  });
});

test("an app says where it stands as a device does", async () => {
  const { user } = await household(server);
  using first = await app(server, user, "phone");
  const pushed = await pushMany(server, user, 4);
  await take(first, 4);
  first.close();
  await first.ended();
  using again = await app(server, user, "phone", whereabouts(first, pushed[2] ?? { seq: 0, message_id: "" }));
  expect(standing(again)).toEqual({ consumer: `app:${user.id}:phone`, acked: 3, top: 4, resumed: true });
  expect(await again.next()).toMatchObject({ seq: 4, redelivered: true });
});
