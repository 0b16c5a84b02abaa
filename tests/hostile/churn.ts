/**
 * Opens and closes 200 connections a second for 5 minutes, in every way, and looks at what is left.
 *
 *     npm run test:churn [-- --seconds N] [-- --short] [-- --save NAME]
 */
import { Report, runScript } from "../faults/support/report.ts";
import { churn } from "./churn/run.ts";
import { describeStall } from "./support/loop-watch.ts";

const SECONDS = 300;
const SHORT_SECONDS = 30;
const PER_SECOND = 200;
const MOST_MB_PER_MINUTE = 1;

/** Runs the churn; the report's figures are what it cost and left. */
export async function churning(seconds: number): Promise<Report> {
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const outcome = await churn({ seconds, warmUpSeconds: seconds / 5, sampleEverySeconds: 10, progress });
  const { visits, failures, slope, stall, errors, left } = outcome;
  const report = new Report(`Churn: ${PER_SECOND} connections opened and closed a second, for ${seconds} s`);
  report.add("connections", visits, "", { atLeast: PER_SECOND * seconds });
  report.none("that went wrong", failures);
  report.none("errors in the log", errors);
  report.add("resident memory after the warm-up", Math.round(slope * 100) / 100, "MB/min", {
    atMost: MOST_MB_PER_MINUTE,
  });
  for (const [name, count] of Object.entries(left)) report.add(`left at the end: ${name}`, count, "", { equals: 0 });
  report.note(`longest stall: ${describeStall(stall)}`);
  return report;
}

if (import.meta.main) {
  await runScript((short, { seconds = 0 }) => churning(seconds || (short ? SHORT_SECONDS : SECONDS)), ["seconds"]);
}
