import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { factLines, gatherFacts } from "../../../bench/src/facts.ts";
import { figure as toText } from "../../../bench/src/table.ts";
import { cleanUpOnExit, ROOT, runChild } from "../../../bench/src/workspace.ts";

/** What a figure must be. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number } | { readonly equals: number };

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: Goal | null;
  readonly holds: boolean;
}

/** Longest example of a fault, characters. */
const MAX_EXAMPLE = 300;

/** The figures of one script. */
export class Report {
  readonly figures: Figure[] = [];
  readonly notes: string[] = [];

  constructor(readonly title: string) {}

  /** Adds a figure; without a goal it is shown for its own sake. */
  add(what: string, value: number, unit = "", goal: Goal | null = null): void {
    this.figures.push({ what, value, unit, goal, holds: reaches(value, goal) });
  }

  /** Adds something that must not have happened, with an example where it has. */
  none(what: string, found: readonly string[]): void {
    this.add(what, found.length, "", { equals: 0 });
    if (found.length > 0)
      this.notes.push(
        `${what}, for example: ${found
          .slice(0, 5)
          .map((text) => text.slice(0, MAX_EXAMPLE))
          .join("; ")}`,
      );
  }

  note(text: string): void {
    this.notes.push(text);
  }

  get missed(): readonly string[] {
    return this.figures.filter(({ holds }) => !holds).map(({ what, value }) => `${what}: ${value}`);
  }

  /** What went wrong, with the notes that explain it: empty when every goal holds. */
  get problems(): readonly string[] {
    return this.missed.length === 0 ? [] : [...this.missed, ...this.notes];
  }

  rows(): string[][] {
    const body = this.figures.map(({ what, value, unit, goal, holds }) => {
      const text = Number.isInteger(value) ? value.toLocaleString("en-US") : toText(value);
      return [
        what,
        `${text} ${unit}`.trim(),
        goal === null ? "" : goalText(goal),
        goal === null ? "" : holds ? "holds" : "MISSED",
      ];
    });
    return [["", "figure", "goal", "verdict"], ...body];
  }
}

function reaches(value: number, goal: Goal | null): boolean {
  if (goal === null) return true;
  if ("atMost" in goal) return value <= goal.atMost;
  return "atLeast" in goal ? value >= goal.atLeast : value === goal.equals;
}

function goalText(goal: Goal): string {
  if ("atMost" in goal) return `≤ ${goal.atMost.toLocaleString("en-US")}`;
  return "atLeast" in goal ? `≥ ${goal.atLeast.toLocaleString("en-US")}` : String(goal.equals);
}

/** Lines of level error and above. */
export function errorsIn(log: string): string[] {
  return log.split("\n").filter((line) => /"level":(50|60|"error"|"fatal")/.test(line));
}

/** Positive whole numbers that were given on the command line, by their flag's name. */
export type Numbers = Readonly<Record<string, number>>;

/** What was chosen on the command line, by the flag's name. */
export type Choices = Readonly<Record<string, string>>;

/**
 * Runs a script from the command line: `[--short] [--save NAME]`, a `--FLAG N` for each of `flags`, and a `--FLAG WORD` for
 * each of `choices`, which are the words that it takes. Prints its figures; exits 1 when one misses its goal. `--save` writes them to `bench/results/NAME.md` and `NAME.json`.
 */
export async function runScript(
  run: (short: boolean, numbers: Numbers, chosen: Choices) => Promise<Report>,
  flags: readonly string[] = [],
  choices: Readonly<Record<string, readonly string[]>> = {},
): Promise<never> {
  cleanUpOnExit();
  const { values, numbers, chosen } = readArguments(flags, choices);
  if (values.save !== undefined && !/^\w[\w.-]*$/.test(values.save)) {
    console.error("--save: a name may hold letters, digits, '.', '-' and '_'");
    process.exit(2);
  }
  const facts = await gatherFacts("processors shared by server and clients", undefined);
  try {
    const report = await run(values.short ?? false, numbers, chosen);
    const head = factLines(facts);
    console.log(`\n${report.title}\n${head.join("\n")}\n`);
    const widths = [0, 1, 2].map((column) =>
      Math.max(...report.rows().map((row) => Bun.stringWidth(row[column] ?? ""))),
    );
    const pad = (cell: string, column: number) =>
      cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - Bun.stringWidth(cell)));
    for (const row of report.rows()) console.log(row.map(pad).join("  ").trimEnd());
    for (const note of report.notes) console.log(`- ${note}`);
    if (values.save !== undefined) await save(values.save, report, head);
    process.exit(report.missed.length === 0 ? 0 : 1);
  } catch (error) {
    console.error(String(error instanceof Error ? (error.stack ?? error.message) : error).replaceAll(ROOT, "."));
    process.exit(1);
  }
}

function readArguments(flags: readonly string[], choices: Readonly<Record<string, readonly string[]>>) {
  const more = Object.fromEntries(
    [...flags, ...Object.keys(choices)].map((flag) => [flag, { type: "string" as const }]),
  );
  try {
    const { values } = parseArgs({ options: { ...more, short: { type: "boolean" }, save: { type: "string" } } });
    const given = Object.entries(values).filter(([flag]) => flags.includes(flag));
    const numbers = Object.fromEntries(given.map(([flag, text]) => [flag, Number(text)]));
    const bad = Object.keys(numbers).find(
      (flag) => !(Number.isSafeInteger(numbers[flag]) && Number(numbers[flag]) > 0),
    );
    if (bad !== undefined) throw new Error(`--${bad}: a positive whole number is expected`);
    const chosen = Object.fromEntries(Object.entries(values).filter(([flag]) => flag in choices)) as Record<
      string,
      string
    >;
    for (const [flag, word] of Object.entries(chosen)) {
      const words = choices[flag] ?? [];
      if (!words.includes(word)) throw new Error(`--${flag}: ${words.join(" or ")} is expected`);
    }
    return { chosen, values: { short: values.short === true, save: values.save as string | undefined }, numbers };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

async function save(name: string, report: Report, head: readonly string[]): Promise<void> {
  const [markdown, json] = [`bench/results/${name}.md`, `bench/results/${name}.json`] as const;
  mkdirSync(join(ROOT, "bench", "results"), { recursive: true });
  const [first = [], ...rows] = report.rows();
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const table = [line(first), line(["---", "---:", "---:", "---"]), ...rows.map(line)].join("\n");
  const notes = report.notes.map((note) => `- ${note}\n`).join("");
  writeFileSync(
    join(ROOT, markdown),
    `# ${report.title}\n\n${head.join("  \n")}\n\n${table}\n${notes && `\n${notes}`}`,
  );
  const { title, figures, notes: said } = report;
  writeFileSync(join(ROOT, json), `${JSON.stringify({ title, machine: head, figures, notes: said }, undefined, 2)}\n`);
  await runChild([join(ROOT, "node_modules/.bin/biome"), "format", "--write", json], 30_000, { cwd: ROOT });
  console.log(`saved ${markdown} and ${json}`);
}
