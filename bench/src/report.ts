import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Facts, factLines } from "./facts.ts";
import type { ScenarioSummary } from "./summary.ts";
import { asMarkdown, asText, scenarioRows } from "./table.ts";
import { ROOT, runChild } from "./workspace.ts";

/** A finished run. */
export interface Report {
  readonly facts: Facts;
  readonly rounds: number;
  /** Measuring window, seconds. */
  readonly windowS: number;
  /** True where bare stood in for our server. */
  readonly calibration: boolean;
  readonly scenarios: readonly ScenarioSummary[];
  readonly notes: readonly string[];
}

/** The report for a terminal. */
export function reportText(report: Report): string {
  const parts = report.scenarios.map((scenario) =>
    [`${scenario.name}: ${scenario.title}`, asText(scenarioRows(scenario)), ...remarks(scenario)].join("\n"),
  );
  return [...factLines(report.facts), "", parts.join("\n\n"), "", ...closing(report)].join("\n");
}

/** The report as a page. */
export function reportMarkdown(report: Report, name: string): string {
  const parts = report.scenarios.map((scenario) => {
    const notes = remarks(scenario).map((note) => `\n- ${note}`);
    return `## ${scenario.name}\n\n${scenario.title}\n\n${asMarkdown(scenarioRows(scenario))}\n${notes.join("")}`.trimEnd();
  });
  return [
    `# Bench results: ${name}\n`,
    `${factLines(report.facts).join("  \n")}\n`,
    `${parts.join("\n\n")}\n`,
    `${closing(report).join("  \n")}\n`,
  ].join("\n");
}

/** Writes the report, every single value included, as JSON. */
export function writeJson(report: Report, file: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

/** Writes `bench/results/NAME.md` and `NAME.json` and returns where, relative to the repository. */
export async function saveReport(report: Report, name: string): Promise<string[]> {
  const files = [`bench/results/${name}.md`, `bench/results/${name}.json`] as const;
  writeJson(report, join(ROOT, files[1]));
  writeFileSync(join(ROOT, files[0]), reportMarkdown(report, name));
  // They are there to be committed, and `npm run check` wants that formatted.
  await runChild([join(ROOT, "node_modules/.bin/biome"), "format", "--write", ...files], 30_000, { cwd: ROOT });
  return [...files];
}

function remarks({ notes, failure }: ScenarioSummary): string[] {
  return failure === undefined ? [...notes] : [...notes, `FAILED: ${failure}`];
}

function closing(report: Report): string[] {
  const comparisons = report.scenarios.flatMap(({ metrics }) => metrics.flatMap((metric) => metric.comparisons));
  const count = (verdict: string) => comparisons.filter((comparison) => comparison.verdict === verdict).length;
  const coverage = Math.min(...comparisons.map((comparison) => comparison.coverage));
  const failed = report.scenarios.filter(({ failure }) => failure !== undefined).length;
  return [
    `Medians of ${report.rounds} ${report.rounds === 1 ? "round" : "rounds"}, ${report.windowS} s each (echo and socketio: every third round).`,
    ...(comparisons.length === 0
      ? []
      : [
          `ours/…: median of the ratios paired by round; interval by order statistics, which holds the true median with ${(100 * coverage).toFixed(1)} %.`,
          `Goals: ${count("holds")} hold, ${count("missed")} missed, ${count("unsettled")} unsettled (interval not within ±10 %, or fewer than 6 rounds).`,
        ]),
    ...(report.calibration ? ["CALIBRATION: bare stood in for our server; every ratio ought to be 1."] : []),
    ...(failed === 0 ? [] : [`${failed} scenarios FAILED.`]),
    ...report.notes,
  ];
}
