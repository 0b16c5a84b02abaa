import { describe, expect, test } from "bun:test";
import { Mailbox } from "@qy-lty/testkit";
import { type MemoryFrame, type MemoryPeer, MemoryTransport } from "./memory.ts";
import { transportContract } from "./transport.contract.ts";
import type { ConnectionHandler, Listening, Transport } from "./transport.ts";
import type { DialRequest, Peer, PeerFrame } from "./transport-scene.ts";

transportContract({
  name: "MemoryTransport",
  make: () => new MemoryTransport(),
  dial: async (transport, listening, request) => dial(transport, listening, request),
  fetch: (transport, { port }, path) =>
    (transport as MemoryTransport).fetch(new Request(`http://127.0.0.1${path}`), port),
});

function dial(transport: Transport, { port }: Listening, { target = "/", headers = {} }: DialRequest): Peer {
  const frames = new Mailbox<MemoryFrame>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const { peer, subprotocol } = (transport as MemoryTransport).connect(
    { target, headers, port },
    {
      write: (written) => {
        for (const frame of written) frames.push(frame);
      },
      closed: (code, reason) => closed.resolve({ code, reason }),
    },
  );
  return {
    subprotocol,
    closed: closed.promise,
    get received() {
      return frames.all.length;
    },
    next: () => frames.next(),
    send: (...sent) => {
      for (const frame of sent) send(peer, frame);
    },
    vanish: () => peer.vanish(),
    stopReading: () => peer.stopReading(),
    startReading: () => peer.startReading(),
  };
}

function send(peer: MemoryPeer, frame: PeerFrame): void {
  if ("text" in frame) {
    if (typeof frame.text === "string") peer.sendText(frame.text);
    else peer.sendTextBytes(frame.text);
  } else if ("binary" in frame) peer.sendBinary(frame.binary);
  else if ("ping" in frame) peer.ping(frame.ping);
  else if ("pong" in frame) peer.pong(frame.pong);
  else peer.close(frame.close, frame.reason);
}

describe("MemoryTransport", () => {
  test("shows which frames left in one write: those of one event, and those of a cork", async () => {
    const transport = new MemoryTransport();
    const writes = new Mailbox<readonly string[]>();
    const handler: ConnectionHandler = {
      opened: (connection) => {
        connection.send("1");
        connection.cork(() => connection.send("2"));
        connection.ping("3");
      },
      text: () => {},
      binary: () => {},
      ponged: () => {},
      drained: () => {},
      closed: () => {},
    };
    const listening = transport.listen({
      host: "localhost",
      port: 0,
      maxFrameBytes: 100,
      maxBufferedBytes: 100,
      upgrade: () => ({ handler, subprotocol: null }),
      fetch: () => new Response(),
      failed: () => {},
    });
    transport.connect(
      { target: "/" },
      { write: (frames) => writes.push(frames.map(({ payload }) => payload)), closed: () => {} },
    );
    expect(await writes.next()).toEqual(["1", "2", "3"]);
    await listening.stop();
  });
});
