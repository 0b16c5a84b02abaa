import { describe, expect, test } from "bun:test";
import { Close } from "./close.ts";
import { type ErrorCode, Errors, GatewayError } from "./errors.ts";

const rows = Object.entries(Errors) as [ErrorCode, (typeof Errors)[ErrorCode]][];

describe("the error table", () => {
  test("has the texts that clients of the original system know", () => {
    expect(Errors.RATE_LIMITED.message).toBe("Rate limit exceeded");
    expect(Errors.MESSAGE_TOO_LARGE.message).toBe("Message too large");
    expect(Errors.INVALID_JSON.message).toBe("Invalid JSON format");
    expect(Errors.INVALID_MESSAGE.message).toBe("Message validation error");
    expect(Errors.UNSUPPORTED_TYPE.message).toBe("Unsupported message type");
    expect(Errors.INTERNAL_ERROR.message).toBe("Internal server error");
    expect(Errors.MISSING_PARAMETER.message).toBe("缺少必要参数");
  });

  test("has these statuses over HTTP", () => {
    const statuses = rows.flatMap(([code, row]) => ("status" in row ? [[code, row.status]] : []));
    expect(Object.fromEntries(statuses)).toMatchObject({
      INVALID_BODY: 400,
      MISSING_PARAMETER: 400,
      UNAUTHENTICATED: 401,
      FORBIDDEN: 403,
      NOT_FOUND: 404,
      CONFLICT: 409,
      DEVICE_NOT_BOUND: 409,
      TOO_LARGE: 413,
      INVALID_VALUE: 422,
      RESERVED_TYPE: 422,
      RATE_LIMITED: 429,
      UNAVAILABLE: 503,
      QUOTA_EXCEEDED: 507,
    });
  });

  test("closes the socket for these alone", () => {
    const closes = rows.flatMap(([code, row]) => ("close" in row ? [[code, row.close.code]] : []));
    expect(Object.fromEntries(closes)).toEqual({
      RATE_LIMITED: Close.rateLimited.code,
      UNAUTHENTICATED: Close.unauthenticated.code,
      FORBIDDEN: Close.forbidden.code,
      NO_DEVICE: Close.noDevice.code,
    });
  });

  test.each(rows)("%s is worded for a person", (code, { message, advice }) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(message).not.toMatch(/[.:]$/);
    expect(advice).toMatch(/^[A-Z].*\.$/);
  });
});

describe("GatewayError", () => {
  test.each(
    [
      [new GatewayError("NOT_FOUND"), "Not found"],
      [new GatewayError("NOT_FOUND", "no such user"), "Not found: no such user"],
      [new GatewayError("UNSUPPORTED_TYPE", ""), "Unsupported message type: "],
      [
        new GatewayError("UPSTREAM_FAILED", undefined, { message: "Chat service is unavailable" }),
        "Chat service is unavailable",
      ],
      [
        new GatewayError("UPSTREAM_FAILED", "too slow", { message: "Weather query failed" }),
        "Weather query failed: too slow",
      ],
    ].map(([error, message]) => [message, error] as [string, GatewayError]),
  )("says %j", (message, error) => {
    expect(error.message).toBe(message);
  });

  test("carries its row, its wait and its cause", () => {
    const cause = new Error("why");
    const error = new GatewayError("RATE_LIMITED", undefined, { retryAfterMs: 600, cause });
    expect([error.name, error.code, error.row, error.retryAfterMs, error.cause]).toEqual([
      "GatewayError",
      "RATE_LIMITED",
      Errors.RATE_LIMITED,
      600,
      cause,
    ]);
    expect(error).toBeInstanceOf(Error);
  });
});
