import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { household } from "./support/people.ts";
import { RawSocket } from "./support/raw-socket.ts";
import {
  acknowledge,
  frameOf,
  LTY_V1,
  push,
  pushMany,
  quiet,
  range,
  reliable,
  seqs,
  standing,
  states,
  take,
} from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  describe(`over ${signal} and a restart`, () => {
    test("a cursor stands, and what was not acknowledged comes again, in order and marked", async () => {
      const { user, device } = await household(server);
      const pushed = await pushMany(server, user, 6);
      const socket = await reliable(server, device);
      await take(socket, 6);
      await acknowledge(socket, 3);
      // Answered once cursors are on disk.
      expect(await states(server, { message_id: pushed[2]?.message_id ?? "" })).toMatchObject({
        [`device:${device.id}`]: "acknowledged",
      });
      await server.restart(signal);

      using again = await reliable(server, device);
      expect(standing(again)).toEqual({ consumer: `device:${device.id}`, acked: 3, top: 6, resumed: false });
      expect(again.greeting.epoch).toBe(socket.greeting.epoch);
      expect(await take(again, 3)).toEqual(
        pushed.slice(3).map((each, index) => frameOf(each, index + 4, { redelivered: true })),
      );
      expect(await acknowledge(again, 6)).toEqual([]);
    });

    test("what nobody was there for is kept", async () => {
      const { user, device } = await household(server);
      const pushed = await pushMany(server, user, 3);
      await server.restart(signal);
      using socket = await reliable(server, device);
      const frames = await take(socket, 3);
      expect(frames.map(({ seq, message_id, message }) => ({ seq, message_id, message }))).toEqual(
        pushed.map(({ seq, message_id }, index) => ({ seq, message_id, message: index + 1 })),
      );
      const next = await push(server, user, "after");
      expect(next.seq).toBe(4);
      expect(await socket.next()).toEqual(frameOf(next, "after"));
    });

    test("a user without a single message, and its device, go on as they were", async () => {
      const { user, device } = await household(server);
      const before = await reliable(server, device);
      await server.restart(signal);
      using after = await reliable(server, device);
      expect(after.greeting.epoch).toBe(before.greeting.epoch);
      expect(standing(after)).toEqual({ consumer: `device:${device.id}`, acked: 0, top: 0, resumed: false });
      const first = await push(server, user, "first");
      expect(await after.next()).toEqual(frameOf(first, "first"));
    });
  });
}

describe("pushes that a kill -9 interrupts:", () => {
  test("every one that was answered arrives, once and in order, and the log has no gap", async () => {
    const { user, device } = await household(server);
    const answered: { message_id: string; seq: number }[] = [];
    const cut = Promise.withResolvers<void>();
    const pushes = range(1, 400).map(async (n) => {
      const pushed = await push(server, user, n);
      answered.push(pushed);
      if (answered.length === 40) cut.resolve();
    });
    const outcome = Promise.allSettled(pushes);
    await cut.promise;
    await server.end("SIGKILL");
    await outcome;
    await server.serve();

    using socket = await reliable(server, device);
    const top = Number(socket.greeting.top);
    expect(top).toBeGreaterThanOrEqual(answered.length);
    const received = [];
    while (received.length < top) {
      received.push(await socket.next());
      if (received.length % 32 === 0) socket.send({ type: "ack", seq: received.length });
    }
    expect(seqs(received)).toEqual(range(1, top));
    const bySeq = new Map(received.map(({ seq, message_id }) => [seq, message_id]));
    for (const { seq, message_id } of answered) expect(bySeq.get(seq)).toBe(message_id);
    expect(await quiet(socket)).toEqual([]);
  });
});

describe("after a connection is cut", () => {
  test("what it may have seen is marked on the next, with the same seq and id; what is new is not", async () => {
    const { user, device } = await household(server);
    const pushed = await pushMany(server, user, 3);
    const headers = { Authorization: `Bearer ${device.token}`, "Sec-WebSocket-Protocol": LTY_V1 };
    const { socket } = await RawSocket.handshake(server.port, "/ws/device/", headers);
    expect(await socket.json()).toMatchObject({ type: "connection_status" });
    expect(await socket.json()).toEqual(frameOf(pushed[0] as never, 1));
    for (const _ of range(2, 3)) await socket.json();
    socket.write(encodeFrame(Opcode.text, '{"type":"ack","seq":1}'));
    socket.write(encodeFrame(Opcode.text, '{"type":"ping"}'));
    expect(await socket.json()).toMatchObject({ type: "pong" });
    // No close frame: as a cable that is pulled out.
    socket[Symbol.dispose]();
    await socket.gone();
    const late = await push(server, user, "late");

    for (const round of range(1, 3)) {
      using again = await reliable(server, device);
      expect(again.greeting.acked).toBe(1);
      const [second, third, fourth] = await take(again, 3);
      expect([second, third] as unknown[]).toEqual([
        frameOf(pushed[1] as never, 2, { redelivered: true }),
        frameOf(pushed[2] as never, 3, { redelivered: true }),
      ]);
      // New at first; then it may have been seen, too.
      expect(fourth).toMatchObject({ seq: late.seq, message_id: late.message_id, message: "late" });
      expect(fourth?.redelivered).toBe(round === 1 ? undefined : true);
    }
  });

  test("nothing comes twice on one connection, whatever is pushed and acknowledged", async () => {
    const { user, device } = await household(server);
    await pushMany(server, user, 10);
    using socket = await reliable(server, device);
    await take(socket, 10);
    await acknowledge(socket, 4);
    await push(server, user, "more");
    expect(seqs(await quiet(socket))).toEqual([11]);
  });
});

describe("before a close with 1012", () => {
  const bye = (reason: string) => ({
    type: "bye",
    reason,
    retry_min_ms: expect.any(Number),
    retry_max_ms: expect.any(Number),
    timestamp: expect.any(String),
  });

  test("a client of lty.v1 is told when to come back; others are closed as ever", async () => {
    const { user, device } = await household(server);
    const socket = await reliable(server, device);
    const plain = await TestSocket.open(server.wsUrl, user);
    server.signal("SIGTERM");
    const { code, frames } = await socket.ended();
    expect([...frames, code] as unknown[]).toEqual([bye("service restart"), 1012]);
    expect(Number(frames[0]?.retry_min_ms)).toBeLessThan(Number(frames[0]?.retry_max_ms));
    const other = await plain.ended();
    expect([...other.frames, other.code]).toEqual([1012]);
    await server.exited;
    await server.serve();
  });

  test("also when its device changes hands", async () => {
    const { device } = await household(server);
    const socket = await reliable(server, device);
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: null });
    const { code, frames } = await socket.ended();
    expect([...frames, code] as unknown[]).toEqual([bye("device binding changed"), 1012]);
  });
});
