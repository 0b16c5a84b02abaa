/**
 * The model test at length: 1,000 random stories of sends, cuts, crashes, restores and clock steps on each kind of disk.
 *
 *     bun tests/model/long.ts [--short] [--save NAME]
 */
import { ROOT } from "../../bench/src/workspace.ts";
import { Report, runScript } from "../faults/support/report.ts";

const LONG = 1_000;
const SHORT = 100;

/** Tells the stories; the report's figures are how many there were, and what was violated. */
export async function model(short: boolean): Promise<Report> {
  const runs = short ? SHORT : LONG;
  const report = new Report(`The model test, ${runs.toLocaleString("en-US")} stories on each kind of disk`);
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", "test", "--timeout=600000", "./tests/model/delivery.test.ts"],
    {
      cwd: ROOT,
      env: { ...process.env, LTY_MODEL_RUNS: String(runs) },
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const said = stdout + stderr;
  const results = [...said.matchAll(/^\((pass|fail)\) (.*?)(?: \[[\d.]+m?s\])?$/gm)];
  const told = results.filter(([, , name = ""]) => name.includes("whatever happens"));
  report.add("kinds of disk", told.length, "", { atLeast: 3 });
  report.add("stories", told.length * runs);
  for (const [, verdict, name = ""] of results) report.note(`${name}: ${verdict}`);
  const violations = [...said.matchAll(/Violation: (.*)\n(seed .*)/g)].map(([, what, seed]) => `${what} (${seed})`);
  report.none("violations", violations);
  report.add("exit code of the tests", code, "", { equals: 0 });
  return report;
}

if (import.meta.main) await runScript(model);
