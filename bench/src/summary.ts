import type { ScenarioRun } from "./rounds.ts";
import type { Metric, Scale } from "./scenarios/scenario.ts";
import { SERVER_NAMES, type ServerName } from "./servers.ts";
import {
  type Goal,
  judge,
  judgeChange,
  type MedianInterval,
  median,
  medianInterval,
  pairedRatios,
  type Verdict,
} from "./stats.ts";

/** A generator that is busier than this may be what was measured, percent of one processor. */
export const SATURATED_PCT = 95;

/** Our server against one other, over all rounds. */
export interface Comparison extends MedianInterval {
  readonly reference: ServerName;
  /** ours / reference, one per round in which both took part. */
  readonly ratios: readonly number[];
  readonly goal?: Goal;
  readonly goalText?: string;
  readonly verdict?: Verdict;
}

/** One figure of a scenario, for every server. */
export interface MetricSummary {
  readonly id: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  readonly medians: Partial<Record<ServerName, number>>;
  readonly values: Partial<Record<ServerName, readonly (number | null)[]>>;
  readonly comparisons: readonly Comparison[];
}

/** A scenario's figures, ready to be shown and saved. */
export interface ScenarioSummary {
  readonly name: string;
  readonly title: string;
  readonly servers: readonly ServerName[];
  readonly metrics: readonly MetricSummary[];
  /** Median share of one processor, percent. */
  readonly generatorPct: Partial<Record<ServerName, number>>;
  readonly serverPct: Partial<Record<ServerName, number>>;
  readonly notes: readonly string[];
  readonly failure?: string;
}

/** Turns a scenario's rounds into medians, paired ratios and verdicts. */
export function summarize({ scenario, samples, notes, failure }: ScenarioRun, scale: Scale): ScenarioSummary {
  const servers = SERVER_NAMES.filter((name) => samples.get(name)?.some((sample) => sample !== undefined));
  const valuesOf = (name: ServerName, id: string) => (samples.get(name) ?? []).map((sample) => sample?.values[id]);
  const mediansOf = (value: (name: ServerName) => (number | undefined)[]) =>
    Object.fromEntries(servers.map((name) => [name, median(value(name).filter((x) => x !== undefined))]));
  const shareOf = (key: "generatorPct" | "serverPct") =>
    mediansOf((name) => (samples.get(name) ?? []).map((sample) => sample?.[key]));
  const generatorPct = shareOf("generatorPct");
  const saturated = servers.filter((name) => (generatorPct[name] ?? 0) > SATURATED_PCT);
  return {
    name: scenario.name,
    title: scenario.title(scale),
    servers,
    metrics: scenario.metrics.map((metric) => ({
      id: metric.id,
      unit: metric.unit,
      better: metric.better,
      medians: mediansOf((name) => valuesOf(name, metric.id)),
      values: Object.fromEntries(
        servers.map((name) => [name, valuesOf(name, metric.id).map((value) => value ?? null)]),
      ),
      comparisons: (["bare", "base"] as const)
        .filter((reference) => servers.includes("ours") && servers.includes(reference))
        .map((reference) => compare(metric, reference, valuesOf("ours", metric.id), valuesOf(reference, metric.id))),
    })),
    generatorPct,
    serverPct: shareOf("serverPct"),
    notes: [
      ...notes,
      ...(saturated.length === 0
        ? []
        : [`the load generator was saturated (${saturated.join(", ")}): rates are its limit as much as the server's`]),
    ],
    ...(failure === undefined ? {} : { failure }),
  };
}

function compare(
  metric: Metric,
  reference: "bare" | "base",
  ours: readonly (number | undefined)[],
  theirs: readonly (number | undefined)[],
): Comparison {
  const ratios = pairedRatios(ours, theirs);
  const interval = medianInterval(ratios);
  const comparison = { reference, ratios, ...interval };
  if (reference === "base") {
    return { ...comparison, goalText: "not worse", verdict: judgeChange(metric.better, interval) };
  }
  const { goal } = metric;
  if (goal === undefined) return comparison;
  const plain = "atMost" in goal ? `≤ ${goal.atMost} × bare` : `≥ ${goal.atLeast} × bare`;
  return { ...comparison, goal, goalText: metric.goalText ?? plain, verdict: judge(goal, interval) };
}
