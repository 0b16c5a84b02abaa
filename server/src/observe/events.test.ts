import { expect, test } from "bun:test";
import { CapturedLog } from "@qy-lty/testkit";
import { Events } from "./events.ts";
import { createLogger } from "./log.ts";

function start() {
  const log = new CapturedLog();
  return { log, events: new Events(createLogger("trace", false, log)) };
}

test.each([
  [999, 0],
  [1_000, 0],
  [1_000.6, 1],
])("an operation of %p ms makes %p warnings", (durationMs, warnings) => {
  const { log, events } = start();
  const operation = events.operations.named("POST /api/messages/");
  events.operationEnded(operation, durationMs, false, "r-1");
  expect(operation.latency.count).toBe(1);
  expect(log.lines).toHaveLength(warnings);
  if (warnings > 0)
    expect(log.lines).toMatchObject([
      { level: 40, operation: "POST /api/messages/", duration_ms: 1_001, request_id: "r-1" },
    ]);
});

test("a refused origin is cut short: it is whatever a stranger sent", () => {
  const { log, events } = start();
  events.originRefused("10.0.0.1", "x".repeat(10_000));
  expect(log.lines).toMatchObject([{ level: 40, remote: "10.0.0.1", origin: "x".repeat(200) }]);
});

test("a session is told by its ids, never by its credential's holder's name", () => {
  const { log, events } = start();
  const principal = { kind: "user", userId: 7, username: "anna", isAdmin: false } as const;
  const admission = { principal, role: "user", userId: 7, deviceId: 3, tokenId: 1, expiresAt: null } as const;
  events.connectionOpened({ id: "s-1", remote: "10.0.0.1", admission });
  events.connectionOpened({ id: "s-2", remote: "10.0.0.1", admission: undefined });
  expect(log.lines).toMatchObject([
    { session_id: "s-1", user_id: 7, device_id: 3, role: "user" },
    { session_id: "s-2" },
  ]);
  expect(log.text).not.toContain("anna");
});

test("what failed is logged with its cause", () => {
  const { log, events } = start();
  events.backgroundError(new Error("outer", { cause: new Error("inner") }));
  events.internalError(new Error("why"), "r-1", "s-1");
  expect(log.errors).toMatchObject([{ msg: "background task failed" }, { request_id: "r-1", session_id: "s-1" }]);
  expect(log.text).toContain("inner");
});
