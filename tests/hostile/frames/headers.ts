import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { ANSWERED, type FrameGroup, first, last, middle, OPEN, PING, REFUSED, row, text } from "./case.ts";

const OPCODES = Object.entries(Opcode);
const RESERVED_BITS = [1, 2, 3, 4, 5, 6, 7];
const RESERVED_OPCODES = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

/** A continuation is looked at only where something was begun. */
const begun = (opcode: number) => (opcode === Opcode.continuation ? [first('{"type":')] : []);

export const reservedBits: FrameGroup = {
  name: "reserved bits",
  cases: OPCODES.flatMap(([name, opcode]) =>
    RESERVED_BITS.map((reserved) =>
      row(
        `${reserved.toString(2).padStart(3, "0")} on a ${name} frame`,
        [...begun(opcode), encodeFrame(opcode, "", { reserved })],
        REFUSED,
      ),
    ),
  ),
};

export const reservedOpcodes: FrameGroup = {
  name: "reserved opcodes",
  cases: RESERVED_OPCODES.flatMap((opcode) => [
    row(`${opcode}, empty`, encodeFrame(opcode), REFUSED),
    row(`${opcode}, with a payload`, encodeFrame(opcode, PING), REFUSED),
    row(`${opcode}, as a fragment`, encodeFrame(opcode, PING, { final: false }), REFUSED),
    row(`${opcode}, amid fragments`, [first("{"), encodeFrame(opcode, "x"), last("}")], REFUSED),
  ]),
};

export const unmasked: FrameGroup = {
  name: "frames without a mask",
  cases: [
    ...OPCODES.map(([name, opcode]) =>
      row(name, [...begun(opcode), encodeFrame(opcode, "", { masked: false })], REFUSED),
    ),
    row("a text with a payload", text(PING, { masked: false }), REFUSED),
    row("a text of 126 bytes", text("x".repeat(126), { masked: false }), REFUSED),
    row("a text of 64 KiB", text("x".repeat(65_536), { masked: false }), REFUSED),
    row("a text after a sound one", [text(PING), text(PING, { masked: false })], `pong, ${REFUSED}`),
    row("a close with a code", encodeFrame(Opcode.close, Buffer.of(3, 0xe8), { masked: false }), REFUSED),
    row(
      "a mask of zeros is one",
      Buffer.concat([Buffer.of(0x81, 0x80 | PING.length, 0, 0, 0, 0), Buffer.from(PING)]),
      ANSWERED,
    ),
  ],
};

const CONTROLS = { ping: Opcode.ping, pong: Opcode.pong, close: Opcode.close } as const;

export const controls: FrameGroup = {
  name: "control frames",
  cases: [
    ...Object.entries(CONTROLS).flatMap(([name, opcode]) => [
      row(`a ${name} of 126 bytes`, encodeFrame(opcode, "x".repeat(126)), REFUSED),
      row(`a ${name} of 127 bytes`, encodeFrame(opcode, "x".repeat(127)), REFUSED),
      row(`a ${name} of 65,536 bytes`, encodeFrame(opcode, "x".repeat(65_536)), REFUSED),
      row(`an empty ${name} as a fragment`, encodeFrame(opcode, "", { final: false }), REFUSED),
      row(`a ${name} as a fragment`, encodeFrame(opcode, "\u0003xxxx", { final: false }), REFUSED),
      row(`a ${name} as a fragment amid fragments`, [first("{"), encodeFrame(opcode, "", { final: false })], REFUSED),
    ]),
    row("a ping of 125 bytes is answered", encodeFrame(Opcode.ping, "x".repeat(125)), ANSWERED),
    row("a ping of bytes that are no text is answered", encodeFrame(Opcode.ping, Buffer.alloc(125, 0xff)), ANSWERED),
    row("a pong nobody asked for", encodeFrame(Opcode.pong, "9".repeat(125)), OPEN),
    row("a pong that is no text", encodeFrame(Opcode.pong, Buffer.alloc(125, 0xff)), OPEN),
    row("a pong that acknowledges everything", encodeFrame(Opcode.pong, "999999999999999"), OPEN),
    row(
      "pings amid fragments",
      [first('{"type":'), encodeFrame(Opcode.ping), middle('"ping'), encodeFrame(Opcode.ping), last('"}')],
      "pong, pong, pong, open",
    ),
  ],
};

const binary = (final: boolean) => encodeFrame(Opcode.binary, "x", { final });

export const sequences: FrameGroup = {
  name: "fragments out of order",
  cases: [
    row("a last continuation of nothing", last(PING), REFUSED),
    row("a continuation of nothing", middle(PING), REFUSED),
    row("an empty continuation of nothing", last(""), REFUSED),
    row("a continuation of a text that was whole", [text(PING), last("x")], `pong, ${REFUSED}`),
    row("a continuation of fragments that ended", [first('{"type":'), last('"ping"}'), last("x")], `pong, ${REFUSED}`),
    row("a continuation of nothing but a ping", [encodeFrame(Opcode.ping), last("x")], `pong, ${REFUSED}`),
    row("a text amid fragments", [first("{"), text(PING)], REFUSED),
    row("an empty text amid fragments", [first("{"), text("")], REFUSED),
    row("the first fragment of another text amid fragments", [first("{"), first("{")], REFUSED),
    row("a text after the second fragment", [first("{"), middle(" "), text(PING)], REFUSED),
    row("a binary amid fragments", [first("{"), binary(true)], REFUSED),
    row("the first fragment of a binary amid fragments", [first("{"), binary(false)], REFUSED),
    row("a text amid the fragments of a binary", [binary(false), text(PING)], REFUSED),
    row("a binary in fragments", [binary(false), last("y")], "UNSUPPORTED_BINARY, open"),
    row("an empty fragment first", [first(""), last(PING)], ANSWERED),
    row("nothing in three fragments", [first(""), middle(""), last("")], "INVALID_JSON, open"),
    row(
      "10,000 empty fragments",
      [first("{}"), Buffer.concat(Array.from({ length: 10_000 }, () => middle(""))), last("")],
      "INVALID_MESSAGE, open",
    ),
    row("a close amid fragments", [first("{"), encodeFrame(Opcode.close, Buffer.of(3, 0xe8))], "close 1000, end"),
    row("a text after a close", [encodeFrame(Opcode.close, Buffer.of(3, 0xe8)), text(PING)], "close 1000, end"),
  ],
};
