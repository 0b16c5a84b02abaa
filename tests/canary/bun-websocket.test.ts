import { afterEach, describe, expect, test } from "bun:test";
import { encodeFrame, Mailbox, Opcode, RawSocket } from "@qy-lty/testkit";
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";

/**
 * How Bun behaves where that is not what one would expect, and the gateway is built around it. A failure here is no bug: it
 * says that a new Bun behaves otherwise, and which part of the gateway wants another look.
 */

type Socket = ServerWebSocket<undefined>;
let server: Server<undefined> | undefined;
afterEach(async () => {
  await server?.stop(true);
});

/** Serves WebSockets, and dials one. */
async function open(handler: Partial<WebSocketHandler<undefined>>, headers: Record<string, string> = {}) {
  const opened = new Mailbox<Socket>();
  const running = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
    websocket: { open: (socket) => opened.push(socket), message() {}, ...handler },
  });
  server = running;
  const dial = async () => {
    const peer = await RawSocket.open(running.url.href, { target: "/", headers });
    return { peer, socket: await opened.next() };
  };
  return { server: running, dial, ...(await dial()) };
}

describe("Bun 1.4.5", () => {
  test("drops a frame past `backpressureLimit` and answers 0; the socket stays open and later frames arrive (transport/bun.ts: `closeOnBackpressureLimit`)", async () => {
    const drained = Promise.withResolvers<void>();
    const { peer, socket } = await open({ backpressureLimit: 64 * 1024, drain: () => drained.resolve() });
    peer.stopReading();
    let sent = 0;
    let outcome = 1;
    while (outcome !== 0) {
      outcome = socket.send(`${sent}:`.padEnd(16 * 1024));
      if (outcome !== 0) sent += 1;
    }
    expect(socket.readyState).toBe(WebSocket.OPEN);
    peer.startReading();
    await drained.promise;
    expect(socket.send("later")).toBeGreaterThan(0);
    for (let i = 0; i < sent; i++) expect(await peer.nextText()).toStartWith(`${i}:`);
    // Frame `sent` is missing, and nothing says so.
    expect(await peer.nextText()).toBe("later");
  });

  test("runs async `message` handlers all at once, and they end in whatever order (dispatch/dispatcher.ts: one after another; session/inbox.ts)", async () => {
    const FRAMES = 5_000;
    const ended: number[] = [];
    const gates: (() => void)[] = [];
    const all = Promise.withResolvers<void>();
    const { peer } = await open({
      message: async (_socket, text) => {
        await new Promise<void>((resolve) => {
          if (gates.push(resolve) === FRAMES) all.resolve();
        });
        ended.push(Number(text));
      },
    });
    peer.write(Buffer.concat(Array.from({ length: FRAMES }, (_, i) => encodeFrame(Opcode.text, String(i)))));
    await all.promise;
    expect(ended).toEqual([]);
    for (const go of gates.toReversed()) go();
    await Promise.resolve();
    expect(ended).toEqual(Array.from({ length: FRAMES }, (_, i) => FRAMES - 1 - i));
  });

  test("hands on frames that it has read already, though the handler has paused the socket (transport/socket-connection.ts holds them)", async () => {
    const seen = new Mailbox<string>();
    const { peer } = await open({
      message: (socket, text) => {
        socket.pause();
        seen.push(String(text));
      },
    });
    peer.write(Buffer.concat(["1", "2", "3"].map((text) => encodeFrame(Opcode.text, text))));
    expect([await seen.next(), await seen.next(), await seen.next()]).toEqual(["1", "2", "3"]);
  });

  test.each([
    ["a throw", "open() { throw new Error('out') }, message() {}"],
    ["a throw", "message() { throw new Error('out') }"],
    ["a rejection", "async message() { throw new Error('out') }"],
    ["a throw", "message(socket) { socket.close() }, close() { throw new Error('out') }"],
    ["a rejection", "message(socket) { socket.close() }, async close() { throw new Error('out') }"],
  ])(
    "ends the process over %s in a websocket callback: { %s } (transport/socket-connection.ts guards them)",
    async (_, callbacks) => {
      const script = `
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: (request, self) => (self.upgrade(request) ? undefined : new Response(null, { status: 400 })),
        websocket: { ${callbacks} },
      });
      console.log(server.url.href);`;
      const child = Bun.spawn([process.execPath, "-e", script], { stderr: "pipe" });
      const { value = new Uint8Array() } = await child.stdout.getReader().read();
      using peer = await RawSocket.open(new TextDecoder().decode(value).trim(), { target: "/" });
      peer.send(Opcode.text, "hello");
      expect(await child.exited).toBe(1);
      expect(await child.stderr.text()).toContain("error: out");
    },
  );

  test("resolves `server.stop()` only once the last socket is closed (gateway.ts drains by itself)", async () => {
    const { server, peer, socket } = await open({ message: (socket) => void socket.send("still here") });
    let stopped = false;
    const stopping = server.stop().then(() => {
      stopped = true;
    });
    peer.send(Opcode.text, "?");
    expect(await peer.nextText()).toBe("still here");
    expect(stopped).toBe(false);
    socket.close();
    await stopping;
  });

  test.each([
    ["chat", "chat"],
    ["chat, lty.v1", "chat"],
  ])(
    "answers the first of the subprotocols offered (%s) if it is told nothing (transport/bun.ts says it in any case)",
    async (offered, answered) => {
      const { peer } = await open({}, { "Sec-WebSocket-Protocol": offered });
      expect(peer.headers["sec-websocket-protocol"]).toBe(answered);
    },
  );

  test("takes an empty `Sec-WebSocket-Protocol` for none", async () => {
    server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, self) =>
        self.upgrade(request, { headers: { "Sec-WebSocket-Protocol": "" } }) ? undefined : new Response(),
      websocket: { message() {} },
    });
    for (const headers of [{}, { "Sec-WebSocket-Protocol": "chat" }]) {
      using peer = await RawSocket.open(server.url.href, { target: "/", headers });
      expect(peer.headers["sec-websocket-protocol"]).toBeUndefined();
    }
  });
});
