import { describe, expect, test } from "bun:test";
import { Operations } from "./performance.ts";

describe("an operation", () => {
  test("reports all its calls, and the last 100 by themselves", () => {
    const operation = new Operations().named("weather");
    for (let call = 1; call <= 150; call++) operation.record(call, call % 50 === 0);
    const { recent, ...all } = operation.report();
    expect(all).toMatchObject({ operation: "weather", count: 150, errors: 3, max_ms: 150 });
    expect(recent).toEqual({ count: 100, errors: 2, p50_ms: 100, p95_ms: 145, p99_ms: 149, max_ms: 150 });
    for (const [found, exact] of [
      [all.p50_ms, 75],
      [all.p95_ms, 143],
      [all.p99_ms, 149],
    ] as const) {
      expect(found).toBeGreaterThanOrEqual(exact);
      expect(found).toBeLessThanOrEqual(exact * 1.1);
    }
  });

  test("of one call is that call, in whole microseconds", () => {
    const operation = new Operations().named("ping");
    operation.record(0.0123456, true);
    const figures = { count: 1, errors: 1, p50_ms: 0.012, p95_ms: 0.012, p99_ms: 0.012, max_ms: 0.012 };
    expect(operation.report()).toEqual({ operation: "ping", ...figures, recent: figures });
  });
});

test("an operation has one name, and is shown once it was used", () => {
  const operations = new Operations();
  const [ping, sing] = [operations.named("ping"), operations.named("sing")];
  expect(operations.named("ping")).toBe(ping);
  sing.record(1, false);
  expect([...operations.used()]).toEqual([sing]);
});
