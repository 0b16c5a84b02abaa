import { encodeClose, encodeFrame, Opcode } from "@qy-lty/testkit";
import { type FrameCase, type FrameGroup, first, last, middle, NOT_TEXT, REFUSED, row, text } from "./case.ts";

/** Byte sequences that are no UTF-8 (RFC 3629 §3). */
const BAD: Readonly<Record<string, readonly number[]>> = {
  "a continuation byte alone": [0x80],
  "the last continuation byte alone": [0xbf],
  "two bytes cut to one": [0xc3],
  "three bytes cut to two": [0xe5, 0xa5],
  "four bytes cut to three": [0xf0, 0x9f, 0x90],
  "a slash in two bytes": [0xc0, 0xaf],
  "a NUL in two bytes": [0xc0, 0x80],
  "a slash in three bytes": [0xe0, 0x80, 0xaf],
  "a slash in four bytes": [0xf0, 0x80, 0x80, 0xaf],
  "a high surrogate": [0xed, 0xa0, 0x80],
  "a low surrogate": [0xed, 0xbf, 0xbf],
  "a pair of surrogates": [0xed, 0xa1, 0x80, 0xed, 0xb0, 0x80],
  "beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
  "five bytes": [0xf8, 0x88, 0x80, 0x80, 0x80],
  "0xFE": [0xfe],
  "0xFF": [0xff],
};

/** Where in a chat frame they stand. */
const PLACES: Readonly<Record<string, (bad: Buffer) => readonly Uint8Array[]>> = {
  "at the start": (bad) => [text(Buffer.concat([bad, Buffer.from("{}")]))],
  "in the middle": (bad) => [text(inChat(bad))],
  "at the end": (bad) => [text(Buffer.concat([Buffer.from("{}"), bad]))],
  "after 1,000 characters": (bad) => [text(Buffer.concat([Buffer.from("好".repeat(1_000)), bad, Buffer.from("x")]))],
  "in the first fragment": (bad) => [first(Buffer.concat([bad, Buffer.from(" ")])), last("{}")],
  "in a middle fragment": (bad) => [first("{"), middle(Buffer.concat([bad, Buffer.from(" ")])), last("}")],
  "in the last fragment": (bad) => [first("{}"), last(bad)],
  "of which each byte is a fragment": (bad) => [
    first('"'),
    ...[...bad].map((byte) => middle(Buffer.of(byte))),
    last('"'),
  ],
};

function inChat(bad: Buffer): Buffer {
  return Buffer.concat([Buffer.from('{"type":"chat_message","message":"'), bad, Buffer.from('"}')]);
}

export const badText: FrameGroup = {
  name: "text that is no UTF-8",
  cases: Object.entries(BAD).flatMap(([what, bytes]) =>
    Object.entries(PLACES).map(([where, place]) => row(`${what}, ${where}`, place(Buffer.from(bytes)), NOT_TEXT)),
  ),
};

const chat = Buffer.from('{"type":"chat_message","message":"你好🐱"}');

export const goodText: FrameGroup = {
  name: "text that is UTF-8 all the same",
  cases: [
    ...[1, 2, 3].map((cut) => {
      const at = chat.indexOf(Buffer.from("🐱")) + cut;
      return row(
        `a character cut after byte ${cut} by fragments`,
        [first(chat.subarray(0, at)), last(chat.subarray(at))],
        "chat_response, open",
      );
    }),
    row("with a NUL in it", text("\u0000"), "INVALID_JSON, open"),
    row("with a byte order mark", text("\ufeff{}"), "INVALID_JSON, open"),
    row("of non-characters", text('"\uffff\ufffe\u{10ffff}"'), "INVALID_MESSAGE, open"),
    row(
      "with surrogates that JSON escapes",
      text('{"type":"chat_message","message":"\\ud800"}'),
      "chat_response, open",
    ),
    row("with a type of a surrogate that JSON escapes", text('{"type":"\\udfff"}'), "UNSUPPORTED_TYPE, open"),
    row("with an id of surrogates that JSON escapes", text('{"type":"ping","id":"\\ud800\\ud800"}'), "pong, open"),
  ],
};

const close = (payload: Uint8Array) => encodeFrame(Opcode.close, payload);
const answered = (code: number) => row(`code ${code}`, close(encodeClose(code)), `close ${code}, end`);
/** Codes that may not stand in a frame, or that nobody has given a meaning. */
const refused = (code: number) => row(`code ${code}`, close(encodeClose(code)), REFUSED);
const reason = (name: string, bytes: Uint8Array, fate: string): FrameCase =>
  row(name, close(Buffer.concat([encodeClose(1000), bytes])), fate);

export const closes: FrameGroup = {
  name: "close frames",
  cases: [
    ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4001, 4010, 4999].map(answered),
    ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 32_768, 65_535].map(refused),
    row("without a code", close(Buffer.alloc(0)), "close without a code, end"),
    row("of one byte", close(Buffer.of(3)), REFUSED),
    row("of one byte, 0", close(Buffer.of(0)), REFUSED),
    reason("with a reason of 123 bytes", Buffer.alloc(123, "x"), "close 1000, end"),
    reason("with a reason of 124 bytes", Buffer.alloc(124, "x"), REFUSED),
    reason("with line breaks and colours in the reason", Buffer.from('\r\n\u001b[31m{"level":60}'), "close 1000, end"),
    ...Object.entries(BAD).map(([what, bytes]) => reason(`with a reason of ${what}`, Buffer.from(bytes), NOT_TEXT)),
    row("twice", [close(encodeClose(1000)), close(encodeClose(1001))], "close 1000, end"),
  ],
};
