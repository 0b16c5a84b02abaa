import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { ANSWERED, cutOff, type FrameGroup, first, last, middle, PING, REFUSED, row, TOO_BIG, text } from "./case.ts";

const MASK = Buffer.of(1, 2, 3, 4);

/** A frame's head that announces `length` in eight bytes, and a mask. */
function announcing(opcode: number, length: bigint, final = true): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (final ? 0x80 : 0) | opcode;
  head[1] = 0xff;
  head.writeBigUInt64BE(length, 2);
  return Buffer.concat([head, MASK]);
}

/** Lengths nobody may announce here, up to those whose sign bit is set. */
const HUGE: Readonly<Record<string, bigint>> = {
  "64 KiB and a byte": 65_537n,
  "16 MiB": 2n ** 24n,
  "2 GiB less a byte": 2n ** 31n - 1n,
  "2 GiB": 2n ** 31n,
  "4 GiB less a byte": 2n ** 32n - 1n,
  "4 GiB": 2n ** 32n,
  "4 GiB and a byte, which is 1 in 32 bits": 2n ** 32n + 1n,
  "4 GiB and a ping's length": 2n ** 32n + BigInt(PING.length),
  "2^53": 2n ** 53n,
  "2^62": 2n ** 62n,
  "2^63 less a byte": 2n ** 63n - 1n,
  "2^63, the least number where it is signed": 2n ** 63n,
  "2^64 less a byte, -1 where it is signed": 2n ** 64n - 1n,
  "2^64 less 14 bytes, back to the frame's own start": 2n ** 64n - 14n,
};

/** A length in more bytes than it needs, which RFC 6455 §5.2 forbids a sender: read all the same, or the end. */
function wasteful(opcode: number, payload: string, bytes: 2 | 8): Buffer {
  const data = Buffer.from(payload);
  const head = Buffer.alloc(2 + bytes);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (bytes === 2 ? 126 : 127);
  if (bytes === 2) head.writeUInt16BE(data.length, 2);
  else head.writeBigUInt64BE(BigInt(data.length), 2);
  return Buffer.concat([head, Buffer.alloc(4), data]);
}

export const lengths: FrameGroup = {
  name: "lengths beyond all bounds",
  cases: [
    ...Object.entries(HUGE).map(([name, length]) => row(`a text of ${name}`, announcing(Opcode.text, length), TOO_BIG)),
    ...Object.entries(HUGE).map(([name, length]) =>
      row(`a binary of ${name}`, announcing(Opcode.binary, length), TOO_BIG),
    ),
    row("a ping of 2^63", announcing(Opcode.ping, 2n ** 63n), REFUSED),
    row("a close of 2^64 less a byte", announcing(Opcode.close, 2n ** 64n - 1n), REFUSED),
    row("a fragment of 2^63", announcing(Opcode.text, 2n ** 63n, false), TOO_BIG),
    row("a continuation of 2^64 less a byte", [first("{"), announcing(Opcode.continuation, 2n ** 64n - 1n)], TOO_BIG),
    row("64 KiB and a byte, all there", text("x".repeat(65_537)), TOO_BIG),
    row("64 KiB and a byte in two fragments", [first("x".repeat(40_000)), last("x".repeat(25_537))], TOO_BIG),
    row(
      "64 KiB and a byte in 65,537 fragments",
      Buffer.concat([first("x"), ...Array.from({ length: 65_535 }, () => middle("x")), last("x")]),
      TOO_BIG,
    ),
    row(
      "10 MiB of fragments without an end",
      Buffer.concat([first("x"), ...Array.from({ length: 160 }, () => middle("x".repeat(65_000)))]),
      TOO_BIG,
    ),
    row("64 KiB is no excess", text("x".repeat(65_536)), "MESSAGE_TOO_LARGE, open"),
    row("a ping's length in two bytes", wasteful(Opcode.text, PING, 2), ANSWERED),
    row("a ping's length in eight bytes", wasteful(Opcode.text, PING, 8), ANSWERED),
    row("no length in eight bytes", wasteful(Opcode.text, "", 8), "INVALID_JSON, open"),
    row("a control frame's length in two bytes", wasteful(Opcode.ping, "x", 2), REFUSED),
  ],
};

const whole = text(PING);
const long = text("x".repeat(300));
const longer = text("x".repeat(65_536));

export const cutShort: FrameGroup = {
  name: "frames cut short, after which the client closes its side",
  cases: [
    ...Array.from({ length: 8 }, (_, bytes) => cutOff(`a text after byte ${bytes}`, whole.subarray(0, bytes))),
    cutOff("a text before its last byte", whole.subarray(0, -1)),
    ...[2, 3, 4, 7, 8, 20].map((bytes) => cutOff(`a text of 300 bytes after byte ${bytes}`, long.subarray(0, bytes))),
    ...[2, 5, 9, 10, 13, 14, 40_000].map((bytes) =>
      cutOff(`a text of 64 KiB after byte ${bytes}`, longer.subarray(0, bytes)),
    ),
    cutOff("a ping in its payload", encodeFrame(Opcode.ping, "hello").subarray(0, 8)),
    cutOff("a close in its code", encodeFrame(Opcode.close, Buffer.of(3, 0xe8)).subarray(0, 7)),
    cutOff("fragments before the last", [first("{"), middle('"type"')]),
    cutOff("a text that claims a byte more than there is", text(PING, { claimedLength: PING.length + 1 })),
    cutOff("a whole text and half of another", [whole, whole.subarray(0, 9)], "pong, end"),
    cutOff(
      "a request of HTTP in place of a frame",
      Buffer.from("GET /api/users/ HTTP/1.1\r\nHost: x\r\n\r\n"),
      REFUSED,
    ),
    cutOff("a handshake of TLS in place of a frame", Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), REFUSED),
  ],
};
