import type { Comparison, ScenarioSummary } from "./summary.ts";

/** Rows of a table; the first is its head. */
export type Rows = readonly (readonly string[])[];

/** A figure at three significant digits or so, such as `9.62`, `31.4`, `1,234`, `13.5k`, `636k`. */
export function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 99_950) return `${(value / 1000).toFixed(0)}k`;
  if (size >= 9_999.5) return `${(value / 1000).toFixed(1)}k`;
  if (size >= 999.5) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** A scenario as a table: a row per figure, a column per server, then the paired ratios and what they mean. */
export function scenarioRows(summary: ScenarioSummary): Rows {
  const references = [...new Set(summary.metrics.flatMap(({ comparisons }) => comparisons.map((c) => c.reference)))];
  const head = ["", ...summary.servers];
  for (const reference of references) head.push(`ours/${reference}`, "interval", "goal", "verdict");
  const rows = [head];
  for (const metric of summary.metrics) {
    const row = [metric.unit, ...summary.servers.map((name) => figure(metric.medians[name]))];
    for (const reference of references) row.push(...cells(metric.comparisons.find((c) => c.reference === reference)));
    rows.push(row);
  }
  const blank = references.flatMap(() => ["", "", "", ""]);
  for (const [title, shares] of [
    ["server, % of a processor", summary.serverPct],
    ["generator, % of a processor", summary.generatorPct],
  ] as const) {
    rows.push([title, ...summary.servers.map((name) => (shares[name] ?? Number.NaN).toFixed(0)), ...blank]);
  }
  return rows;
}

/** Rows as columns of text: the first column flush left, the others flush right. */
export function asText(rows: Rows): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column]))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = " ".repeat((widths[column] ?? 0) - width(cell));
          return column === 0 ? cell + padding : padding + cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Rows as a Markdown table. */
export function asMarkdown(rows: Rows): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "---:"))), ...body.map(line)].join("\n");
}

function cells(comparison: Comparison | undefined): string[] {
  if (comparison === undefined) return ["", "", "", ""];
  const { median, low, high, goalText = "", verdict = "" } = comparison;
  return [median.toFixed(3), `${low.toFixed(3)} to ${high.toFixed(3)}`, goalText, verdict];
}

function width(cell: string | undefined): number {
  return Bun.stringWidth(cell ?? "");
}
