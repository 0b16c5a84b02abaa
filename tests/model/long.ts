/**
 * The model test at length: 1,000 random stories of sends, cuts, crashes, restores and clock steps on each kind of disk; or
 * 200 on PostgreSQL, served by one node, and by two.
 *
 *     bun tests/model/long.ts [--database postgres] [--runs N] [--short] [--save NAME]
 */
import { ROOT } from "../../bench/src/workspace.ts";
import { type Choices, type Numbers, Report, runScript } from "../faults/support/report.ts";

/** Where the stories are told. */
const DATABASES = {
  sqlite: { file: "delivery.test.ts", runs: "LTY_MODEL_RUNS", long: 1_000, short: 100, kinds: 3 },
  postgres: { file: "postgres.test.ts", runs: "LTY_MODEL_POSTGRES_RUNS", long: 200, short: 20, kinds: 2 },
};

/** Tells the stories; the report's figures are how many there were, and what was violated. */
export async function model(short: boolean, numbers: Numbers = {}, { database }: Choices = {}): Promise<Report> {
  const where = database === "postgres" ? DATABASES.postgres : DATABASES.sqlite;
  const runs = numbers.runs ?? (short ? where.short : where.long);
  const on = database === "postgres" ? "PostgreSQL, served by one node, and by two" : "each kind of disk";
  const report = new Report(`The model test, ${runs.toLocaleString("en-US")} stories on ${on}`);
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", "test", "--timeout=600000", `./tests/model/${where.file}`],
    {
      cwd: ROOT,
      env: { ...process.env, [where.runs]: String(runs) },
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const said = stdout + stderr;
  const results = [...said.matchAll(/^\((pass|fail)\) (.*?)(?: \[[\d.]+m?s\])?$/gm)];
  const told = results.filter(([, , name = ""]) => name.includes("whatever happens"));
  report.add("kinds of disk", told.length, "", { atLeast: where.kinds });
  report.add("stories", told.length * runs);
  for (const [, verdict, name = ""] of results) report.note(`${name}: ${verdict}`);
  const violations = [...said.matchAll(/Violation: (.*)\n(seed .*)/g)].map(([, what, seed]) => `${what} (${seed})`);
  report.none("violations", violations);
  report.add("exit code of the tests", code, "", { equals: 0 });
  return report;
}

if (import.meta.main) await runScript(model, ["runs"], { database: ["sqlite", "postgres"] });
