import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Latency } from "./latency.ts";

function of(...durations: number[]): Latency {
  const latency = new Latency();
  for (const duration of durations) latency.add(duration);
  return latency;
}

const duration = fc.double({ min: 0, max: 99_999, noNaN: true });

describe("Latency", () => {
  test("of nothing is 0", () => {
    const nothing = of();
    expect([nothing.percentile(0.5), nothing.max, nothing.sum, nothing.below(10)]).toEqual([0, 0, 0, 0]);
  });

  test("keeps count, sum and the longest", () => {
    const { count, sum, max } = of(1, 2.5, 0.25);
    expect([count, sum, max]).toEqual([3, 3.75, 2.5]);
  });

  test("a percentile is never too low, and at most 10 % and 1 µs too high", () => {
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 50 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (all, share) => {
          const exact = all.toSorted((a, b) => a - b)[Math.ceil(share * all.length) - 1] ?? 0;
          const found = of(...all).percentile(share);
          expect(found).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
          expect(found).toBeLessThanOrEqual(exact * 1.1 + 0.001001);
        },
      ),
    );
  });

  test("tells exactly how many were below a bound of two digits", () => {
    const latency = of(0.0999, 0.1, 0.999, 1, 4.99, 5, 9_999, 10_000);
    expect([0.1, 1, 5, 10_000].map((bound) => latency.below(bound))).toEqual([1, 3, 5, 7]);
  });

  test("takes whatever a clock may say", () => {
    const latency = of(1e9, 0, Number.POSITIVE_INFINITY);
    expect([latency.count, latency.below(100_000), latency.percentile(0.1)]).toEqual([3, 1, 0.001]);
    expect(latency.percentile(0.99)).toBe(Number.POSITIVE_INFINITY);
  });
});
