import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { companion, household, person } from "./support/people.ts";
import {
  acknowledge,
  app,
  push,
  pushMany,
  pushToDevice,
  quiet,
  range,
  reliable,
  seqs,
  standing,
  take,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";

const WINDOW = 64;
const WINDOW_BYTES = 256 * 1024;

let server: TestServer;
let strict: TestServer;

beforeAll(async () => {
  [server, strict] = await Promise.all([TestServer.start(), TestServer.start({ LTY_RATE_LIMIT_MESSAGES: "10" })]);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), strict[Symbol.asyncDispose]()]));

describe("what is under way to a connection", () => {
  test("is 64 messages at most, and goes on by as many as were acknowledged", async () => {
    const { user, device } = await household(server);
    await pushMany(server, user, 150);
    using socket = await reliable(server, device);
    expect(seqs(await take(socket, WINDOW))).toEqual(range(1, WINDOW));
    expect(await quiet(socket)).toEqual([]);
    expect(seqs(await acknowledge(socket, 1))).toEqual([65]);
    // What was acknowledged before moves nothing.
    expect(await acknowledge(socket, 1)).toEqual([]);
    expect(seqs(await acknowledge(socket, 31))).toEqual(range(66, 95));
    expect(seqs(await acknowledge(socket, 95))).toEqual(range(96, 150));
    expect(await acknowledge(socket, 150)).toEqual([]);
  });

  test("is 256 KiB at most, whatever is waiting", async () => {
    const { user, device } = await household(server);
    const text = "x".repeat(60_000);
    for (const n of range(1, 12)) await push(server, user, { n, text });
    using socket = await reliable(server, device);
    const first = await quiet(socket);
    const bytes = first.reduce((sum, frame) => sum + JSON.stringify(frame).length, 0);
    expect(bytes).toBeLessThanOrEqual(WINDOW_BYTES);
    expect(seqs(first)).toEqual(range(1, 4));
    let seen = 4;
    while (seen < 12) {
      const more = await acknowledge(socket, seen);
      expect(seqs(more)).toEqual(range(seen + 1, seen + more.length));
      expect(more.length).toBeGreaterThan(0);
      seen += more.length;
    }
  });

  test("is each connection's own: who acknowledges nothing holds up nobody else", async () => {
    const { user, device } = await household(server);
    using stuck = await reliable(server, device);
    using phone = await app(server, user, "phone");
    const pushed = pushMany(server, user, 100);
    for (const n of range(1, 100)) {
      expect((await phone.next()).seq).toBe(n);
      phone.send({ type: "ack", seq: n });
    }
    await pushed;
    expect(seqs(await quiet(stuck))).toEqual(range(1, WINDOW));
  });
});

describe("order", () => {
  test("is that of seq, without a gap, while many push at once", async () => {
    const { user, device } = await household(server);
    using socket = await reliable(server, device);
    const pushes = range(1, 300).map((n) => push(server, user, n));
    const received = [];
    while (received.length < 300) {
      const frame = await socket.next();
      received.push(frame);
      // Now and then only: everything up to it is meant.
      if (Number(frame.seq) % 7 === 0) socket.send({ type: "ack", seq: frame.seq });
    }
    const pushed = await Promise.all(pushes);
    expect(seqs(received)).toEqual(range(1, 300));
    const bySeq = pushed.toSorted((a, b) => a.seq - b.seq).map(({ message_id }) => message_id);
    expect(received.map((frame) => frame.message_id)).toEqual(bySeq);
  });

  test("is one for the user's and a device's own messages", async () => {
    const { user, device } = await household(server);
    await push(server, user, 1);
    await pushToDevice(server, device, 2);
    await push(server, user, 3);
    using socket = await reliable(server, device);
    expect((await take(socket, 3)).map(({ seq, message }) => [seq, message])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
});

describe("an acknowledgement", () => {
  test("means everything up to its seq, and is still there on the next connection", async () => {
    const { user, device } = await household(server);
    await pushMany(server, user, 5);
    {
      using socket = await reliable(server, device);
      await take(socket, 5);
      await acknowledge(socket, 3);
    }
    using again = await reliable(server, device);
    expect(standing(again)).toEqual({ consumer: `device:${device.id}`, acked: 3, top: 5, resumed: false });
    expect((await take(again, 2)).map(({ seq, redelivered }) => [seq, redelivered])).toEqual([
      [4, true],
      [5, true],
    ]);
  });

  test("is not counted against the rate", async () => {
    const user = await person(strict);
    const device = await companion(strict, user);
    using socket = await reliable(strict, device);
    for (const n of range(1, 3)) await push(strict, user, n);
    await take(socket, 3);
    for (const n of range(0, 200)) socket.send(n % 2 ? { type: "ack", seq: n % 4 } : `{"seq":${n % 4},"type":"ack"}`);
    for (const _ of range(1, 10)) expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ code: "RATE_LIMITED" });
    expect((await socket.ended()).code).toBe(4008);
  });

  test("whose consumer is still working on the next is taken, and moves no further", async () => {
    const { user, device } = await household(server);
    await pushMany(server, user, 3);
    {
      using socket = await reliable(server, device);
      await take(socket, 3);
      expect(await acknowledge(socket, 1, { working: true })).toEqual([]);
      expect(await acknowledge(socket, 1, { working: true })).toEqual([]);
    }
    using again = await reliable(server, device);
    expect(again.greeting.acked).toBe(1);
  });
});

test("an acknowledgement that is refused is answered with its id", async () => {
  const { device } = await household(server);
  using socket = await reliable(server, device);
  for (const seq of [4, -1, "1"]) {
    expect(await socket.ask({ type: "ack", seq, id: `ack of ${seq}` })).toMatchObject({
      type: "error",
      code: "INVALID_MESSAGE",
      id: `ack of ${seq}`,
    });
  }
  // An id that is no text is none.
  expect(await socket.ask({ type: "ack", seq: 4, id: 7 })).not.toHaveProperty("id");
});

describe("whatever a client says, its cursor goes neither back nor past what it was sent:", () => {
  const hostile: Record<string, string> = {
    "the future": '{"type":"ack","seq":4}',
    "far ahead": '{"type":"ack","seq":9007199254740991}',
    "more than a number holds": '{"type":"ack","seq":9007199254740993}',
    "a number of 400 digits": `{"type":"ack","seq":${"9".repeat(400)}}`,
    infinity: '{"type":"ack","seq":1e400}',
    "less than nothing": '{"type":"ack","seq":-1}',
    "minus zero": '{"type":"ack","seq":-0}',
    "a fraction": '{"type":"ack","seq":2.5}',
    "a text": '{"type":"ack","seq":"3"}',
    "an array": '{"type":"ack","seq":[3]}',
    "an object": '{"type":"ack","seq":{"valueOf":3}}',
    null: '{"type":"ack","seq":null}',
    true: '{"type":"ack","seq":true}',
    nothing: '{"type":"ack"}',
    "the seq of a prototype": '{"type":"ack","__proto__":{"seq":3}}',
    "a prototype": '{"type":"ack","seq":0,"__proto__":{"seq":3},"constructor":{"seq":3}}',
    "a body": '{"type":"ack","message":{"seq":3}}',
    "the past": '{"type":"ack","seq":0}',
  };
  for (const [name, frame] of Object.entries(hostile)) {
    test(name, async () => {
      const { user, device } = await household(server);
      await pushMany(server, user, 3);
      {
        using socket = await reliable(server, device);
        await take(socket, 3);
        await acknowledge(socket, 1);
        socket.send(frame);
        // Refused or passed over: the connection stays, and says nothing else.
        for (const answer of await quiet(socket)) {
          expect(answer.type).toBe("error");
          // What is longer than any acknowledgement is taken for none.
          expect(["INVALID_MESSAGE", "UNSUPPORTED_TYPE"]).toContain(String(answer.code));
        }
      }
      using again = await reliable(server, device);
      expect(again.greeting.acked).toBe(1);
      expect(seqs(await take(again, 2))).toEqual([2, 3]);
    });
  }

  test("what another consumer was sent", async () => {
    const { user, device } = await household(server);
    using phone = await app(server, user, "phone");
    await pushMany(server, user, 70);
    await take(phone, 64);
    await acknowledge(phone, 64);
    using socket = await reliable(server, device);
    await take(socket, 64);
    expect(await acknowledge(socket, 65)).toMatchObject([{ code: "INVALID_MESSAGE" }]);
  });
});
