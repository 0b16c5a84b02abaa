/**
 * Plants bugs in copies of the code, one at a time, and shows that the tests of the message log find each of them. The bugs
 * stand in `mutants.json`: a file, a text that it holds once, and what takes its place.
 *
 *     bun tests/model/mutants.ts [--short] [--save NAME]
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../bench/src/workspace.ts";
import { Report, runScript } from "../faults/support/report.ts";
import plan from "./mutants.json" with { type: "json" };

type Mutant = (typeof plan.mutants)[number];
type Suite = keyof typeof plan.suites;

/** The suite that failed first, and its first test that failed; empty: none did. */
type Verdict = Partial<Record<Suite, string>>;

/** What was found, and how long that took, seconds. */
interface Trial {
  readonly verdict: Verdict;
  readonly seconds: number;
}

const SUITES = Object.keys(plan.suites) as Suite[];
/** What a copy holds. */
const FOLDERS = ["protocol", "server", "testkit", "tests/model", "tests/faults/support", "bench/src"];
const FILES = ["package.json", "tsconfig.json"];
/** A suite that takes longer has found a bug that hangs. */
const LIMIT_MS = 180_000;
/** The issue of the log asks for so many. */
const LEAST = 12;
/** Planted in the short form: the two that are found soonest. */
const SHORT = new Set(["cursor past what was sent", "another body under the same key"]);

/** Plants every mutant, in the short form two; the report's figures are how many were found, and by what. */
export async function mutants(short: boolean): Promise<Report> {
  const chosen = plan.mutants.filter(({ name }) => !short || SHORT.has(name));
  const report = new Report(`${chosen.length} mutants in accept, pump, resume and retention`);
  const copies: string[] = [];
  try {
    const copy = () => {
      const made = makeCopy();
      copies.push(made);
      return made;
    };
    const first = copy();
    if (!short) report.none("suites that fail without a mutant", Object.values(await judge(first)));
    const queue = chosen.values();
    const trials = new Map<string, Trial>();
    const work = async (where: string) => {
      for (const mutant of queue) {
        const started = performance.now();
        const verdict = await plant(where, mutant);
        trials.set(mutant.name, { verdict, seconds: (performance.now() - started) / 1000 });
        console.error(`${Object.keys(verdict).length > 0 ? "✓" : "✗"} ${mutant.name}`);
      }
    };
    const more = Math.min(chosen.length, availableParallelism()) - 1;
    await Promise.all([first, ...Array.from({ length: more }, copy)].map(work));
    summarise(report, chosen, trials, short);
  } finally {
    for (const folder of copies) rmSync(folder, { recursive: true, force: true });
  }
  return report;
}

function summarise(
  report: Report,
  chosen: readonly Mutant[],
  trials: ReadonlyMap<string, Trial>,
  short: boolean,
): void {
  report.add("planted", chosen.length, "", short ? null : { atLeast: LEAST });
  const verdictOf = (name: string) => trials.get(name)?.verdict ?? {};
  const survivors = chosen.map(({ name }) => name).filter((name) => Object.keys(verdictOf(name)).length === 0);
  report.none("not found", survivors);
  for (const suite of SUITES) {
    report.add(`found by the ${suite} first`, [...trials.values()].filter(({ verdict }) => suite in verdict).length);
  }
  for (const { name, file, in: part } of chosen) {
    const found = Object.entries(verdictOf(name)).map(([suite, by]) => `${suite}: ${by}`);
    const took = `${(trials.get(name)?.seconds ?? Number.NaN).toFixed(1)} s`;
    report.note(`**${name}** (${part}, \`${file}\`, ${took}): ${found.join("; ") || "not found"}`);
  }
}

async function plant(copy: string, mutant: Mutant): Promise<Verdict> {
  const path = join(copy, mutant.file);
  const original = readFileSync(path, "utf8");
  const places = original.split(mutant.replace).length - 1;
  if (places !== 1) throw new Error(`${mutant.name}: ${mutant.file} holds the text ${places} times`);
  const planted = original.replace(mutant.replace, () => mutant.with);
  writeFileSync(path, planted);
  try {
    return await judge(copy);
  } finally {
    writeFileSync(path, original);
  }
}

/** Suites run from the fastest on, until one fails. */
async function judge(copy: string): Promise<Verdict> {
  for (const suite of SUITES) {
    const failed = await firstFailure(copy, plan.suites[suite]);
    if (failed !== null) return { [suite]: failed };
  }
  return {};
}

/** The name of the first test that fails, or what else went wrong; null when nothing did. */
async function firstFailure(copy: string, paths: readonly string[]): Promise<string | null> {
  const command = [process.execPath, "--no-env-file", "test", "--timeout=20000", ...paths.map((path) => `./${path}`)];
  const child = Bun.spawn(command, {
    cwd: copy,
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return null;
  if (child.signalCode !== null) return `nothing more came within ${LIMIT_MS / 1000} s`;
  const [, failed] = /^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/m.exec(stdout + stderr) ?? [];
  return failed ?? `exit code ${code}`;
}

/** A copy of the code in a folder of its own, on the packages that are installed here. */
function makeCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "qy-lty-mutants-"));
  for (const path of [...FOLDERS, ...FILES]) cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  const modules = join(copy, "node_modules");
  mkdirSync(join(modules, "@qy-lty"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (name !== "@qy-lty") symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  // Ours are those of the copy.
  for (const name of ["protocol", "server", "testkit"]) symlinkSync(join(copy, name), join(modules, "@qy-lty", name));
  return copy;
}

if (import.meta.main) await runScript(mutants);
