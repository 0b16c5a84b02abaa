import { describe, expect, test } from "bun:test";
import { judge, judgeChange, median, medianInterval, pairedRatios, spread } from "./stats.ts";

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe("median", () => {
  test("is the middle value, or the mean of the two middle ones", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  test("of nothing is not a number", () => {
    expect(median([])).toBeNaN();
  });

  test("leaves its input as it was", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("medianInterval", () => {
  // Ranks and coverages from the tables of the sign test.
  test.each([
    [6, 1, 0.9688],
    [8, 1, 0.9922],
    [9, 2, 0.9609],
    [12, 3, 0.9614],
    [15, 4, 0.9648],
    [20, 6, 0.9586],
    [25, 8, 0.9567],
  ])("of %d values runs from rank %d to the mirrored rank", (n, rank, coverage) => {
    const interval = medianInterval(oneTo(n).reverse());
    expect(interval.low).toBe(rank);
    expect(interval.high).toBe(n + 1 - rank);
    expect(interval.coverage).toBeCloseTo(coverage, 4);
  });

  test("of too few values is their whole range, and says how little that covers", () => {
    const interval = medianInterval([5, 1, 3]);
    expect(interval).toEqual({ low: 1, median: 3, high: 5, coverage: 0.75 });
  });

  test("of one value covers nothing", () => {
    expect(medianInterval([2])).toEqual({ low: 2, median: 2, high: 2, coverage: 0 });
  });

  test("of nothing is not a number", () => {
    const interval = medianInterval([]);
    expect(interval.low).toBeNaN();
    expect(interval.coverage).toBe(0);
  });

  test("holds the true median about as often as it says", () => {
    // A small generator with a fixed seed: the test must not be a matter of luck.
    let state = 12345;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    let hits = 0;
    for (let trial = 0; trial < 4000; trial++) {
      const { low, high } = medianInterval(Array.from({ length: 9 }, () => random() ** 3));
      if (low <= 0.125 && 0.125 <= high) hits++;
    }
    expect(hits / 4000).toBeWithin(0.945, 0.975);
  });
});

test("pairedRatios divides round by round and leaves incomplete rounds out", () => {
  expect(pairedRatios([2, 6, undefined, 8], [1, 3, 5, undefined])).toEqual([2, 2]);
  expect(pairedRatios([1], [0])).toEqual([]);
});

test("spread is the wider side's share of the median", () => {
  expect(spread({ low: 0.8, median: 1, high: 1.1, coverage: 0.96 })).toBeCloseTo(0.2);
});

const interval = (low: number, middle: number, high: number, coverage = 0.961) => ({
  low,
  median: middle,
  high,
  coverage,
});

describe("judge", () => {
  test("holds where a narrow interval reaches the goal", () => {
    expect(judge({ atMost: 1.18 }, interval(1.1, 1.15, 1.2))).toBe("holds");
    expect(judge({ atMost: 1.18 }, interval(1.17, 1.22, 1.27))).toBe("holds");
    expect(judge({ atLeast: 0.7 }, interval(0.64, 0.67, 0.7))).toBe("holds");
  });

  test("is missed where it does not reach it, however wide", () => {
    expect(judge({ atMost: 1.18 }, interval(1.19, 1.22, 1.25))).toBe("missed");
    expect(judge({ atLeast: 0.7 }, interval(0.3, 0.5, 0.69))).toBe("missed");
  });

  test("is unsettled where a wide interval reaches it, and where there are too few rounds", () => {
    expect(judge({ atMost: 1.18 }, interval(1, 1.15, 1.3))).toBe("unsettled");
    expect(judge({ atMost: 1.18 }, interval(1.1, 1.12, 1.14, 0.75))).toBe("unsettled");
    expect(judge({ atMost: 1.18 }, interval(1.3, 1.32, 1.34, 0.75))).toBe("unsettled");
  });
});

describe("judgeChange", () => {
  test("is content with a change that surely improves, however wide its interval", () => {
    expect(judgeChange("lower", interval(0.5, 0.6, 0.8))).toBe("holds");
    expect(judgeChange("higher", interval(1.2, 1.7, 2.9))).toBe("holds");
    expect(judgeChange("lower", interval(0.5, 0.6, 0.8, 0.75))).toBe("unsettled");
  });

  test("else wants an interval that reaches 1 and is narrow", () => {
    expect(judgeChange("lower", interval(0.98, 1.02, 1.05))).toBe("holds");
    expect(judgeChange("lower", interval(1.02, 1.04, 1.06))).toBe("missed");
    expect(judgeChange("higher", interval(0.9, 0.95, 0.99))).toBe("missed");
    expect(judgeChange("higher", interval(0.8, 0.95, 1.2))).toBe("unsettled");
  });
});
