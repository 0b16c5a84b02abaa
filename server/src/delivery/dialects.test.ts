import { describe, expect, test } from "bun:test";
import { dialectOf, ltyV1, original } from "./dialects.ts";

const message = () => ({
  seq: 7,
  messageId: "m",
  deviceId: null,
  head: '{"type":"note","message":{"a":[1]},"message_id":"m"',
  bytes: 50,
  expiresAt: 0,
});

const AT = "2026-01-01T00:00:00.000Z";

describe("the dialects", () => {
  test("lty.v1 adds the seq, and says what may have been seen and what was passed over", () => {
    const frame = { type: "note", message: { a: [1] }, message_id: "m", seq: 7 };
    expect(JSON.parse(ltyV1.frame(message(), false))).toEqual(frame);
    expect(JSON.parse(ltyV1.frame(message(), true))).toEqual({ ...frame, redelivered: true });
    for (const reason of ["filtered", "expired", "dead"] as const) {
      expect(JSON.parse(ltyV1.skip(9, reason, AT) ?? "")).toEqual({ type: "skip", seq: 9, reason, timestamp: AT });
    }
  });

  test("the original's frames are as they always were, and nothing is said of the rest", () => {
    const frame = { type: "note", message: { a: [1] }, message_id: "m" };
    expect(JSON.parse(original.frame(message(), false))).toEqual(frame);
    expect(JSON.parse(original.frame(message(), true))).toEqual(frame);
    expect(original.skip(9, "expired", AT)).toBeNull();
  });

  test("one message that many receive has each its own form", () => {
    const shared = message();
    const said = [ltyV1.frame(shared, false), original.frame(shared, false), ltyV1.frame(shared, true)];
    expect([ltyV1.frame(shared, false), original.frame(shared, false), ltyV1.frame(shared, true)]).toEqual(said);
    expect(new Set(said).size).toBe(3);
  });

  test("only lty.v1 is lty.v1", () => {
    expect(dialectOf("lty.v1")).toBe(ltyV1);
    for (const other of [null, "", "lty.v2", "mqtt"]) expect(dialectOf(other)).toBe(original);
  });
});
