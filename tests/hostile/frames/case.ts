import { encodeFrame, type FrameShape, Opcode } from "@qy-lty/testkit";

/** Bytes that a client should not send, and what the server does about them. */
export interface FrameCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As `Wire.fate` tells it. */
  readonly fate: string;
  /** The client closes its side of the connection after them, since they would swallow whatever came next. */
  readonly thenFinish?: true;
}

export interface FrameGroup {
  readonly name: string;
  readonly cases: readonly FrameCase[];
}

/** A protocol error. */
export const REFUSED = "close 1002, end";
/** Data that is not of the kind it says: text that is no UTF-8. */
export const NOT_TEXT = "close 1007, end";
/** A frame, or the fragments of one, over the limit. */
export const TOO_BIG = "close 1009, end";
/** The connection ends without a close frame, after a client that left without one. */
export const ENDS = "end";
/** The server goes on as if nothing had been said. */
export const OPEN = "open";

/** The frame of the original system's that is answered at once. */
export const PING = '{"type":"ping"}';
/** What a `PING` is answered by, and the socket goes on. */
export const ANSWERED = "pong, open";

export const text = (payload: string | Uint8Array, shape?: FrameShape) => encodeFrame(Opcode.text, payload, shape);
/** The first fragment of a text. */
export const first = (payload: string | Uint8Array) => encodeFrame(Opcode.text, payload, { final: false });
/** A fragment that is neither the first nor the last. */
export const middle = (payload: string | Uint8Array) => encodeFrame(Opcode.continuation, payload, { final: false });
/** The last fragment. */
export const last = (payload: string | Uint8Array) => encodeFrame(Opcode.continuation, payload);

/** A case, in one line. */
export function row(name: string, bytes: Uint8Array | readonly Uint8Array[], fate: string): FrameCase {
  return { name, bytes: bytes instanceof Uint8Array ? bytes : Buffer.concat(bytes), fate };
}

/** A case whose bytes end in the middle of something, after which the client closes its side. */
export function cutOff(name: string, bytes: Uint8Array | readonly Uint8Array[], fate = ENDS): FrameCase {
  return { ...row(name, bytes, fate), thenFinish: true };
}
