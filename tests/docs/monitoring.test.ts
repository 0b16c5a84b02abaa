import { describe, expect, test } from "bun:test";
import { METRICS } from "@qy-lty/server/observe/metric-table.ts";
import { ROOT } from "./support/pages.ts";

interface AlertRules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: { readonly summary: string; readonly action: string };
    }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly type: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

const read = (file: string) => Bun.file(`${ROOT}docs/${file}`).text();
const rules = (Bun.YAML.parse(await read("monitoring/alerts.yml")) as AlertRules).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(await read("monitoring/grafana-dashboard.json")) as Dashboard;
const charts = dashboard.panels.filter(({ type }) => type !== "row");

/** Prometheus itself makes these of every target. */
const OF_PROMETHEUS = ["up"];
/** Labels that Prometheus, or a histogram, adds to every series. */
const ADDED_LABELS = ["instance", "job", "le"];

/** The labels of every series that can be asked for. */
const series = new Map<string, readonly string[]>(OF_PROMETHEUS.map((name) => [name, []]));
for (const { name, type, labels = [] } of METRICS) {
  const names = type === "histogram" ? ["bucket", "sum", "count"].map((suffix) => `${name}_${suffix}`) : [name];
  for (const one of names) series.set(one, labels);
}

const expressions: [string, string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [`the alert ${alert}`, expr]),
  ...charts.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [`the chart "${title}"`, expr]),
  ),
];

describe("what is asked of Prometheus is there:", () => {
  test.each(expressions)("%s", (_, expr) => {
    const asked = [...expr.matchAll(/\b(lty_\w+|process_\w+|up)\b(?:\{([^}]*)\})?/g)];
    expect(asked.length).toBeGreaterThan(0);
    for (const [, name = "", matchers = ""] of asked) {
      expect([...series.keys()]).toContain(name);
      const labels = [...matchers.matchAll(/(\w+)\s*=?[=~!]/g)].map((match) => match[1] ?? "");
      for (const label of labels) expect([...(series.get(name) ?? []), ...ADDED_LABELS]).toContain(label);
    }
    const own = asked.flatMap(([, name = ""]) => series.get(name) ?? []);
    const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap((match) => match[1]?.split(/,\s*/) ?? []);
    for (const label of grouped) expect([...own, ...ADDED_LABELS]).toContain(label);
    expect(expr.split("(").length).toBe(expr.split(")").length);
  });
});

test("every alert says what happened, and what to do", () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { annotations } of rules)
    for (const text of [annotations.summary, annotations.action]) expect(text).toEndWith(".");
});

test("the dashboard shows every metric, and each panel has an id of its own", () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const shown = charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join("\n");
  const missing = METRICS.filter(({ name }) => !new RegExp(`\\b${name}(_bucket|_count|_sum)?\\b`).test(shown));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

test("the reference has every metric, and none extra", async () => {
  const page = await read("reference/metrics.md");
  const named = [...page.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
  expect(named).toEqual(METRICS.map(({ name }) => name));
});
