import { describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { checkEnvelope, frameId, parseFrame } from "./decode.ts";

const MAX_CHARS = 10_240;
const shown = (text: string) => JSON.stringify(text).slice(0, 60);

function outcome(text: string): unknown {
  try {
    const value = parseFrame(text, MAX_CHARS);
    return checkEnvelope(value, text.length);
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    const { code, message } = error as GatewayError;
    return `${code} ${message}`;
  }
}

const nested = (levels: number, open = "[", close = "]") => open.repeat(levels) + close.repeat(levels);
const message = (body: string) => `{"type":"x","message":${body}}`;
const TOO_DEEP = "INVALID_MESSAGE Message validation error: nested deeper than 32 levels";
const NO_OBJECT = "INVALID_MESSAGE Message validation error: a frame is a JSON object";
const NO_TYPE = "INVALID_MESSAGE Message validation error: type must be a string";
const NO_JSON = "INVALID_JSON Invalid JSON format";

describe("a frame's text", () => {
  const sound: [string, object][] = [
    ['{"type":"ping"}', { type: "ping" }],
    ['{"type":""}', { type: "" }],
    ['{"type":"ping","id":"","message":null,"other":[1]}', { type: "ping", id: "", message: null, other: [1] }],
    [' \n{"type":"a","type":"b"}\t', { type: "b" }],
    [message(nested(31)), { type: "x", message: JSON.parse(nested(31)) }],
    [message(`"${"\\\\[".repeat(200)}"`), { type: "x", message: "\\[".repeat(200) }],
    ['{"__proto__":{"type":"ping"},"type":"pong"}', JSON.parse('{"__proto__":{"type":"ping"},"type":"pong"}')],
  ];
  for (const [text, frame] of sound) {
    test(`${shown(text)} is sound`, () => expect(outcome(text)).toEqual(frame));
  }

  const refused: [string, string][] = [
    ["", NO_JSON],
    ["ping", NO_JSON],
    ["{", NO_JSON],
    ["{'type':'ping'}", NO_JSON],
    ['{"type":"ping"} x', NO_JSON],
    ['{"type":"ping",}', NO_JSON],
    ["\ufeff{}", NO_JSON],
    ["NaN", NO_JSON],
    ["null", NO_OBJECT],
    ["1", NO_OBJECT],
    ['"ping"', NO_OBJECT],
    ["[]", NO_OBJECT],
    ['[{"type":"ping"}]', NO_OBJECT],
    ["{}", NO_TYPE],
    ['{"type":null}', NO_TYPE],
    ['{"type":1}', NO_TYPE],
    ['{"type":["ping"]}', NO_TYPE],
    ['{"TYPE":"ping"}', NO_TYPE],
    ['{"__proto__":{"type":"ping"}}', NO_TYPE],
    ['{"type":"ping","id":1}', "INVALID_MESSAGE Message validation error: id must be a string"],
    ['{"type":"ping","id":null}', "INVALID_MESSAGE Message validation error: id must be a string"],
    [message(nested(32)), TOO_DEEP],
    [message(nested(32, '{"a":', "}").replace(/:}/, ":1}")), TOO_DEEP],
    [message(nested(5_000)), TOO_DEEP],
    [`{"type":"x","elsewhere":${nested(32)}}`, TOO_DEEP],
    [`"${"x".repeat(MAX_CHARS)}"`, "MESSAGE_TOO_LARGE Message too large"],
    ["[".repeat(MAX_CHARS + 1), "MESSAGE_TOO_LARGE Message too large"],
  ];
  for (const [text, problem] of refused) {
    test(`${shown(text)} is refused`, () => expect(outcome(text)).toBe(problem));
  }

  test("never overflows the stack, however it nests", () => {
    expect(outcome("[".repeat(MAX_CHARS))).toBe(NO_JSON);
    expect(outcome(nested(MAX_CHARS / 2))).toBe(NO_OBJECT);
  });
});

describe("frameId", () => {
  test.each<[unknown, string | undefined]>([
    [{ id: "a" }, "a"],
    [{ id: "" }, ""],
    [{ id: 7 }, undefined],
    [{}, undefined],
    [["a"], undefined],
    [null, undefined],
    ["id", undefined],
    [JSON.parse('{"__proto__":{"id":"inherited"}}'), undefined],
    [Object.create({ id: "inherited" }), undefined],
  ])("%#: of %j is a string of its own or none", (value, id) => {
    expect(frameId(value)).toBe(id as never);
  });
});
