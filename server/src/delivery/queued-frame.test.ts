import { describe, expect, test } from "bun:test";
import { RESERVED_TYPES } from "@qy-lty/protocol";
import { BadFrame, toPush } from "./queued-frame.ts";

describe("a queued frame", () => {
  test("says its type and its message", () => {
    expect(toPush('{"type":"note","message":{"text":"你好"}}')).toEqual({
      type: "note",
      message: { text: "你好" },
      extra: {},
    });
  });

  test("is of the type system where it names none", () => {
    expect(toPush('{"message":7}')).toEqual({ type: "system", message: 7, extra: {} });
    expect(toPush("{}")).toEqual({ type: "system", message: undefined, extra: {} });
  });

  test("takes its other members along, but those that the server gives", () => {
    expect(toPush('{"type":"note","message":0,"sender":"ada","priority":1,"seq":9,"redelivered":true}')).toEqual({
      type: "note",
      message: 0,
      sender: "ada",
      extra: { priority: 1 },
    });
  });

  test.each([
    ["{", "not JSON"],
    ["", "not JSON"],
    ["null", "not an object"],
    ["7", "not an object"],
    ['"text"', "not an object"],
    ["[]", "not an object"],
    ['{"type":7}', "bad type"],
    ['{"type":null}', "bad type"],
    ['{"type":""}', "bad type"],
    [`{"type":"${"t".repeat(65)}"}`, "bad type"],
    ...[...RESERVED_TYPES].map((type) => [`{"type":"${type}"}`, "reserved type"]),
  ])("%j can never be pushed: %s", (text, reason) => {
    expect(() => toPush(text ?? "")).toThrow(new BadFrame(reason));
  });
});
