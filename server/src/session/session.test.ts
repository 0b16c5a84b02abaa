import { describe, expect, test } from "bun:test";
import { Close } from "@qy-lty/protocol";
import {
  HeldChat,
  Mailbox,
  ManualClock,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from "@qy-lty/testkit";
import { type MemoryFrame, type MemoryPeer, MemoryTransport } from "../transport/memory.ts";

const HEARTBEAT_MS = 30_000;

async function start(options: TestGatewayOptions = {}) {
  const clock = new ManualClock();
  const chat = new HeldChat();
  const transport = new MemoryTransport();
  const gateway = await startTestGateway({ transport, clock, services: { chat }, ...options });
  return { gateway, clock, chat, transport };
}

/** A peer that answers nothing by itself. */
async function dial(gateway: TestGateway, transport: MemoryTransport) {
  const { token } = await gateway.person();
  const frames = new Mailbox<MemoryFrame>();
  const closed = Promise.withResolvers<number>();
  const { peer } = transport.connect(
    { target: `/ws/device/?token=${token}` },
    {
      write: (written) => {
        for (const frame of written) frames.push(frame);
      },
      closed: (code) => closed.resolve(code),
    },
  );
  await frames.next();
  return { peer, frames, closed: closed.promise, session: () => [...gateway.gateway.registry.all()].at(-1) };
}

/** Lets everything happen that microtasks and the end of this turn hold. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

const chatFrame = (n: number) => JSON.stringify({ type: "chat_message", message: String(n), id: String(n) });

function sendChats(peer: MemoryPeer, from: number, to: number): void {
  for (let n = from; n <= to; n++) peer.sendText(chatFrame(n));
}

describe("a session's liveness", () => {
  test("a silent peer is pinged, and ended with 1006 within 2.5 heartbeats, not before 2", async () => {
    const { gateway, clock, transport } = await start();
    await using _gateway = gateway;
    const { frames, closed } = await dial(gateway, transport);
    clock.advance(HEARTBEAT_MS);
    expect((await frames.next()).kind).toBe("ping");
    clock.advance(HEARTBEAT_MS - 1);
    expect(gateway.gateway.registry.size).toBe(1);
    clock.advance(HEARTBEAT_MS / 2 + 1);
    expect(gateway.gateway.registry.size).toBe(0);
    expect(await closed).toBe(1006);
    expect(gateway.gateway.registry.sockets).toBe(0);
  });

  test.each([
    ["pongs", (peer: MemoryPeer) => peer.pong()],
    ["text", (peer: MemoryPeer) => peer.sendText('{"type":"ping"}')],
    ["binary frames", (peer: MemoryPeer) => peer.sendBinary(new Uint8Array(1))],
  ])("%s are signs of life", async (_, sign) => {
    const { gateway, clock, transport } = await start({ config: { rateLimitMessages: 0 } });
    await using _gateway = gateway;
    const { peer } = await dial(gateway, transport);
    for (let i = 0; i < 10; i++) {
      clock.advance(1.5 * HEARTBEAT_MS);
      sign(peer);
      await settle();
    }
    expect(gateway.gateway.registry.size).toBe(1);
  });

  test("a peer that cannot be heard because its inbox is full is not taken for dead", async () => {
    const { gateway, clock, chat, transport } = await start();
    await using _gateway = gateway;
    const { peer } = await dial(gateway, transport);
    sendChats(peer, 1, 33);
    await settle();
    const { registry } = gateway.gateway;
    // Each answer comes just in time: the socket is not read for minutes.
    for (let n = 1; n <= 16; n++) {
      const question = await chat.questions.next();
      clock.advance(29_000);
      question.answer("at last");
      await settle();
      expect(registry.size).toBe(1);
    }
    // Read again, it has the time of any other to say something.
    clock.advance(2 * HEARTBEAT_MS - 1);
    expect(registry.size).toBe(1);
    clock.advance(HEARTBEAT_MS / 2 + 1);
    expect(registry.size).toBe(0);
  });
});

describe("a session's inbox", () => {
  test("32 frames behind a slow one stop the reading, 16 let it go on; nothing is lost or out of order", async () => {
    const { gateway, chat, transport } = await start();
    await using _gateway = gateway;
    const { peer, frames } = await dial(gateway, transport);
    const pong = async () => {
      peer.sendText('{"type":"ping"}');
      await settle();
      return frames.waiting.filter(({ payload }) => payload.includes('"pong"')).length;
    };
    sendChats(peer, 1, 32);
    expect(await pong()).toBe(1);
    sendChats(peer, 33, 40);
    expect(await pong()).toBe(1);
    for (let n = 1; n <= 40; n++) {
      const question = await chat.questions.next();
      expect(question.text).toBe(String(n));
      question.answer(`answer ${n}`);
      await settle();
      // The 33rd frame made 32 waiting; once 16 of them are taken the rest is read, the second ping too.
      expect(frames.waiting.filter(({ payload }) => payload.includes('"pong"'))).toHaveLength(n < 16 ? 1 : 2);
    }
    const answers = frames.waiting
      .map(({ payload }) => JSON.parse(payload))
      .filter(({ type }) => type === "chat_response");
    expect(answers.map(({ id }) => Number(id))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });
});

describe("a session's end", () => {
  test("by us: it leaves every topic at once, and what was pushed in the same turn is not sent", async () => {
    const { gateway, transport } = await start();
    await using _gateway = gateway;
    const { frames, closed, session } = await dial(gateway, transport);
    const { registry } = gateway.gateway;
    session()?.push('{"type":"late"}');
    session()?.close(Close.revoked);
    expect([registry.size, registry.users.has(1)]).toEqual([0, false]);
    expect(await closed).toBe(4010);
    await settle();
    expect(frames.waiting).toEqual([]);
    expect(gateway.log.saying("connection closed")).toMatchObject([{ code: 4010, user_id: 1 }]);
  });

  test("by the peer: the same, and ending it again does nothing", async () => {
    const { gateway, transport } = await start();
    await using _gateway = gateway;
    const { peer, session } = await dial(gateway, transport);
    const ended = session();
    peer.close(1000);
    await settle();
    const { registry } = gateway.gateway;
    expect([registry.size, registry.sockets, registry.users.has(1)]).toEqual([0, 0, false]);
    ended?.close(Close.revoked);
    ended?.send("{}");
    ended?.push("{}");
    await settle();
    expect(gateway.log.saying("connection closed")).toMatchObject([{ code: 1000 }]);
  });

  test("by its slowness: more than 1 MiB waiting closes 4011", async () => {
    const { gateway, transport } = await start();
    await using _gateway = gateway;
    const { peer, closed, session } = await dial(gateway, transport);
    peer.stopReading();
    const slow = session();
    for (let kib = 0; kib < 1_024; kib += 64) slow?.push(" ".repeat(64 * 1024));
    await settle();
    expect(slow?.isOpen).toBe(true);
    slow?.push("{}");
    await settle();
    expect(slow?.isClosed).toBe(true);
    peer.startReading();
    expect(await closed).toBe(4011);
  });
});

describe("pushed frames", () => {
  test("leave at the end of the turn, in one write for each session and in order", async () => {
    const { gateway, transport } = await start();
    await using _gateway = gateway;
    const writes = new Mailbox<readonly MemoryFrame[]>();
    const { token } = await gateway.person();
    transport.connect(
      { target: `/ws/device/?token=${token}` },
      { write: (frames) => writes.push(frames), closed: () => {} },
    );
    await writes.next();
    const [session] = gateway.gateway.registry.all();
    for (const payload of ["1", "2", "3"]) session?.push(payload);
    await Promise.resolve();
    expect(writes.waiting).toEqual([]);
    expect((await writes.next()).map(({ payload }) => payload)).toEqual(["1", "2", "3"]);
    session?.push("4");
    expect((await writes.next()).map(({ payload }) => payload)).toEqual(["4"]);
  });
});
