import { encodeClose, encodeFrame, Opcode, RawSocket } from "@qy-lty/testkit";
import { BunTransport } from "./bun.ts";
import { transportContract } from "./transport.contract.ts";
import type { Peer, PeerFrame } from "./transport-scene.ts";

const KINDS: Readonly<Record<number, string>> = { [Opcode.text]: "text", [Opcode.ping]: "ping", [Opcode.pong]: "pong" };

transportContract({
  name: "BunTransport",
  make: () => new BunTransport(),
  dial: async (_transport, { port }, { target = "/", headers = {} }) =>
    asPeer(await RawSocket.open(`http://127.0.0.1:${port}`, { target, headers })),
  fetch: (_transport, { port }, path) => fetch(`http://127.0.0.1:${port}${path}`),
});

function asPeer(socket: RawSocket): Peer {
  return {
    subprotocol: socket.headers["sec-websocket-protocol"] ?? null,
    closed: socket.closed,
    get received() {
      return socket.frames.all.filter(({ opcode }) => opcode !== Opcode.close).length;
    },
    next: async () => {
      const { opcode, payload } = await socket.frames.next();
      return { kind: KINDS[opcode] ?? String(opcode), payload: payload.toString() };
    },
    send: (...frames) => socket.write(Buffer.concat(frames.map(encode))),
    vanish: () => socket.reset(),
    stopReading: () => socket.stopReading(),
    startReading: () => socket.startReading(),
  };
}

function encode(frame: PeerFrame): Buffer {
  if ("text" in frame) return encodeFrame(Opcode.text, frame.text);
  if ("binary" in frame) return encodeFrame(Opcode.binary, frame.binary);
  if ("ping" in frame) return encodeFrame(Opcode.ping, frame.ping);
  if ("pong" in frame) return encodeFrame(Opcode.pong, frame.pong);
  return encodeFrame(Opcode.close, encodeClose(frame.close, frame.reason));
}
