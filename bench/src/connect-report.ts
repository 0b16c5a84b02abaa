import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { factLines, gatherFacts } from "./facts.ts";
import { median, medianInterval, pairedRatios } from "./stats.ts";
import { figure } from "./table.ts";
import { cleanUpOnExit, ROOT } from "./workspace.ts";

/** Milliseconds of each contestant, one value a round; `ours` is held against every other. */
export type Rounds = Readonly<Record<string, readonly number[]>> & { readonly ours: readonly number[] };

/** What a comparison is run with. */
export interface ConnectOptions {
  /** How many rounds count. */
  readonly rounds: number;
  /** Ours is the other's client once more: what chance alone does on this machine. */
  readonly againstItself: boolean;
}

/** A table of medians, and of what ours takes as a share of the others', round by round. */
export function connectTable(rounds: Rounds): string {
  const lines = Object.entries(rounds).map(([name, values]) => {
    const ratio = medianInterval(pairedRatios(rounds.ours, values));
    const share = name === "ours" ? "" : `${figure(ratio.median)} (${figure(ratio.low)}–${figure(ratio.high)})`;
    return `| ${name} | ${figure(median(values))} | ${share} |`;
  });
  return [
    "| client | connect to first pong, ms | ours / this, paired (95 %) |",
    "| --- | ---: | ---: |",
    ...lines,
  ].join("\n");
}

/**
 * Runs a comparison from the command line: `[--rounds N] [--against-itself] [--save NAME]`. Prints its table; `--save` writes
 * it to `bench/results/NAME.md`.
 */
export async function runConnect(title: string, measure: (options: ConnectOptions) => Promise<Rounds>): Promise<never> {
  cleanUpOnExit();
  const { rounds, againstItself, save } = readArguments();
  const facts = factLines(await gatherFacts("processors shared by servers and clients", undefined));
  const table = connectTable(await measure({ rounds, againstItself }));
  const suffix = againstItself ? ", against itself" : "";
  const page = `# ${title}, ${rounds} rounds${suffix}\n\n${facts.join("  \n")}\n\n${table}\n`;
  console.log(page);
  if (save !== undefined) {
    mkdirSync(join(ROOT, "bench/results"), { recursive: true });
    writeFileSync(join(ROOT, `bench/results/${save}.md`), page);
  }
  process.exit(0);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: "string", default: "300" },
        save: { type: "string" },
        "against-itself": { type: "boolean", default: false },
      },
    });
    const rounds = Number(values.rounds);
    if (!(Number.isSafeInteger(rounds) && rounds > 0)) throw new Error("--rounds: a positive whole number is expected");
    if (values.save !== undefined && !/^\w[\w.-]*$/.test(values.save))
      throw new Error("--save: a name may hold letters, digits, '.', '-' and '_'");
    return { rounds, save: values.save, againstItself: values["against-itself"] };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}
