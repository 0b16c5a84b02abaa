/** Opcodes of RFC 6455 §5.2. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame as a server sent it: never masked. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** How a frame is written; what is left out is as the standard wants it. */
export interface FrameShape {
  readonly final?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** Says this length, whatever the payload's is. */
  readonly claimedLength?: number;
}

const MASK = Buffer.from([0x5a, 0x3c, 0x99, 0x07]);

/** The bytes of a frame from a client, or of something that is nearly one. */
export function encodeFrame(opcode: number, payload: string | Uint8Array = "", shape: FrameShape = {}): Buffer {
  const { final = true, reserved = 0, masked = true } = shape;
  const data = Buffer.from(typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
  const length = shape.claimedLength ?? data.byteLength;
  const first = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  const header = Buffer.concat([Buffer.from([first]), encodeLength(length, masked)]);
  if (!masked) return Buffer.concat([header, data]);
  for (let i = 0; i < data.byteLength; i++) data[i] = (data[i] ?? 0) ^ (MASK[i % 4] ?? 0);
  return Buffer.concat([header, MASK, data]);
}

/** The payload of a close frame. */
export function encodeClose(code: number, reason = ""): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** Takes the first whole frame off `bytes`; undefined while it is not all there. */
export function decodeFrame(bytes: Buffer): { readonly frame: RawFrame; readonly rest: Buffer } | undefined {
  if (bytes.byteLength < 2) return undefined;
  const short = bytes.readUInt8(1) & 0x7f;
  const headerLength = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.byteLength < headerLength) return undefined;
  const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  const end = headerLength + length;
  if (bytes.byteLength < end) return undefined;
  const frame = { opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(headerLength, end) };
  return { frame, rest: bytes.subarray(end) };
}

function encodeLength(length: number, masked: boolean): Buffer {
  const bit = masked ? 0x80 : 0;
  if (length < 126) return Buffer.from([bit | length]);
  const long = Buffer.alloc(length < 65_536 ? 3 : 9);
  long[0] = bit | (length < 65_536 ? 126 : 127);
  if (length < 65_536) long.writeUInt16BE(length, 1);
  else long.writeBigUInt64BE(BigInt(length), 1);
  return long;
}
