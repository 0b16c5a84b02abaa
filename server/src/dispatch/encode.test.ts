import { describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import fc from "fast-check";
import { EMPTY_BODY, encodeError, encodeReply } from "./encode.ts";

const NOW = "2026-01-01T00:00:00.000Z";

describe("encodeReply", () => {
  test("is the JSON of type, body, timestamp and id, in this order", () => {
    expect(encodeReply("sing_response", { data: { song: 'a"b' }, message: "\u2028" }, NOW, "7")).toBe(
      JSON.stringify({ type: "sing_response", data: { song: 'a"b' }, message: "\u2028", timestamp: NOW, id: "7" }),
    );
  });

  test("leaves the id out where there was none", () => {
    expect(encodeReply("pong", EMPTY_BODY, NOW, undefined)).toBe(`{"type":"pong","timestamp":"${NOW}"}`);
  });

  test("says its own type and time, whatever was said before", () => {
    const later = NOW.replace("000Z", "001Z");
    const said = [NOW, later, NOW].flatMap((time) => ["pong", "done", "pong"].map((type) => [type, time] as const));
    for (const [type, time] of said) {
      expect(encodeReply(type, EMPTY_BODY, time, undefined)).toBe(`{"type":"${type}","timestamp":"${time}"}`);
    }
  });

  test("is JSON whatever body and id are, an empty body of anybody's too", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.option(fc.string(), { nil: undefined }),
        (body, id) => {
          const { type, timestamp, id: echoed, ...members } = JSON.parse(encodeReply("x", { b: body }, NOW, id));
          expect([type, timestamp, echoed, members]).toEqual(["x", NOW, id, { b: JSON.parse(JSON.stringify(body)) }]);
        },
      ),
    );
    expect(JSON.parse(encodeReply("x", {}, NOW, undefined))).toEqual({ type: "x", timestamp: NOW });
    expect(JSON.parse(encodeReply("x", { gone: undefined }, NOW, "1"))).toEqual({ type: "x", timestamp: NOW, id: "1" });
  });
});

describe("encodeError", () => {
  test.each<[string, GatewayError, string | undefined, object]>([
    ["plain", new GatewayError("INVALID_JSON"), undefined, { message: "Invalid JSON format", code: "INVALID_JSON" }],
    [
      "with a detail and an id",
      new GatewayError("UNSUPPORTED_TYPE", "fly"),
      "7",
      { message: "Unsupported message type: fly", code: "UNSUPPORTED_TYPE", id: "7" },
    ],
    [
      "with a wait",
      new GatewayError("RATE_LIMITED", undefined, { retryAfterMs: 600 }),
      undefined,
      { message: "Rate limit exceeded", code: "RATE_LIMITED", retry_after_ms: 600 },
    ],
  ])("%s", (_, error, id, expected) => {
    expect(JSON.parse(encodeError(error, NOW, id))).toEqual({ type: "error", ...expected, timestamp: NOW });
  });

  test("never shows the cause", () => {
    const error = new GatewayError("UPSTREAM_FAILED", undefined, { cause: new Error("the key is hunter2") });
    expect(encodeError(error, NOW, undefined, "r-1")).not.toContain("hunter2");
    expect(JSON.parse(encodeError(error, NOW, undefined, "r-1")).request_id).toBe("r-1");
  });
});
