import { describe, expect, test } from "bun:test";
import { Close } from "./close.ts";

const rows = Object.entries(Close);

describe("the close table", () => {
  test("says what every code means and what a client does next", () => {
    expect(rows.map(([name, { code, next }]) => [code, name, next])).toEqual([
      [1000, "closedByAdministrator", "stop"],
      [1009, "frameTooBig", "stop"],
      [1012, "draining", "reconnect"],
      [1012, "bindingChanged", "reconnect"],
      [1013, "overloaded", "reconnect"],
      [4000, "internalError", "reconnect"],
      [4001, "unauthenticated", "stop"],
      [4002, "noDevice", "stop"],
      [4003, "forbidden", "stop"],
      [4008, "rateLimited", "reconnect"],
      [4009, "replaced", "stop"],
      [4010, "revoked", "stop"],
      [4011, "slowConsumer", "reconnect"],
      [4012, "expired", "reconnect"],
    ]);
  });

  test.each(rows)("%s fits a close frame", (_, { code, reason, when }) => {
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(reason).not.toBe("");
    expect(when).toMatch(/^[A-Z].*\.$/);
    // What RFC 6455 §7.4 lets an endpoint send.
    expect(code === 1000 || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)).toBe(true);
  });

  test("one code asks for one thing only", () => {
    const byCode = Map.groupBy(rows, ([, { code }]) => code);
    for (const same of byCode.values()) expect(new Set(same.map(([, { next }]) => next)).size).toBe(1);
    for (const same of byCode.values()) expect(new Set(same.map(([, { reason }]) => reason)).size).toBe(same.length);
  });
});
