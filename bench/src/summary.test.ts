import { expect, test } from "bun:test";
import type { ScenarioRun } from "./rounds.ts";
import type { Measurement, Scale, Scenario } from "./scenarios/scenario.ts";
import { summarize } from "./summary.ts";

const SCALE: Scale = { warmupS: 1, windowS: 3, many: 10_000, handshakeWarmup: 2_000, settleS: 20 };

const scenario: Scenario = {
  name: "made-up",
  title: ({ many }) => `${many} of something`,
  servers: ["ours", "bare", "base", "echo"],
  metrics: [
    { id: "cpu", unit: "µs", better: "lower", goal: { atMost: 1.2 } },
    { id: "rate", unit: "1/s", better: "higher" },
  ],
  measure: () => Promise.reject(new Error("not run here")),
};

const sample = (cpu: number, generatorPct = 50): Measurement => ({
  values: { cpu, rate: 1000 / cpu },
  generatorPct,
  serverPct: 99,
});

const run = (samples: ScenarioRun["samples"]): ScenarioRun => ({ scenario, samples, notes: [] });

test("ratios are paired by round, and the goal is judged on them", () => {
  // The rounds differ tenfold, the servers always by a tenth: only pairing shows that.
  const rounds = [1, 10, 2, 9, 3, 8, 4];
  const { metrics, title } = summarize(
    run(
      new Map([
        ["ours", rounds.map((x) => sample(1.1 * x))],
        ["bare", rounds.map((x) => sample(x))],
      ]),
    ),
    SCALE,
  );
  expect(title).toBe("10000 of something");
  const [cpu, rate] = metrics;
  expect(cpu?.medians.bare).toBe(4);
  expect(cpu?.comparisons[0]).toMatchObject({ reference: "bare", goalText: "≤ 1.2 × bare", verdict: "holds" });
  expect(cpu?.comparisons[0]?.median).toBeCloseTo(1.1);
  expect(rate?.comparisons[0]?.median).toBeCloseTo(1 / 1.1);
  expect(rate?.comparisons[0]?.verdict).toBeUndefined();
});

test("another checkout must not be better, on every figure", () => {
  const same = Array.from({ length: 7 }, () => sample(5));
  const better = Array.from({ length: 7 }, () => sample(4));
  const { metrics } = summarize(
    run(
      new Map([
        ["ours", same],
        ["base", better],
      ]),
    ),
    SCALE,
  );
  expect(metrics.map(({ comparisons }) => comparisons[0])).toMatchObject([
    { reference: "base", goalText: "not worse", verdict: "missed" },
    { reference: "base", goalText: "not worse", verdict: "missed" },
  ]);
});

test("a server that sat rounds out is summarized over its own", () => {
  const { metrics, servers } = summarize(
    run(
      new Map([
        ["ours", [sample(2), sample(3), sample(4)]],
        ["bare", [sample(1), sample(1), sample(1)]],
        ["echo", [sample(7)]],
      ]),
    ),
    SCALE,
  );
  expect(servers).toEqual(["ours", "bare", "echo"]);
  expect(metrics[0]?.medians.echo).toBe(7);
  expect(metrics[0]?.comparisons[0]?.ratios).toEqual([2, 3, 4]);
});

test("a saturated generator is named", () => {
  const { notes } = summarize(
    run(
      new Map([
        ["ours", [sample(2, 80)]],
        ["bare", [sample(1, 99)]],
      ]),
    ),
    SCALE,
  );
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain("the load generator was saturated (bare)");
});
