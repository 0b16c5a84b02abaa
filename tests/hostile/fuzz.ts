/**
 * Sends 200,000 mutated frames to a gateway and judges what becomes of it. The same seed sends the same frames.
 *
 *     npm run test:fuzz [-- --frames N] [-- --seed N] [-- --short] [-- --save NAME]
 */
import { Report, runScript } from "../faults/support/report.ts";
import { fuzz, megabytes, WARM_AFTER } from "./fuzz/run.ts";
import { describeStall } from "./support/loop-watch.ts";

const FRAMES = 200_000;
const SHORT_FRAMES = 40_000;
const MOST_GROWTH_MB = 10;
const MOST_STALL_MS = 250;

/** Runs the fuzzer; the report's figures are what the gateway answered and what it took. */
export async function fuzzing(asked: number, seed: number): Promise<Report> {
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const outcome = await fuzz({ frames: asked, seed, progress });
  const { frames, connections, answers, warmRss, lastRss, stall, errors } = outcome;
  const codes = Object.entries(answers).sort(([a], [b]) => a.localeCompare(b));
  const report = new Report(`Fuzz: ${frames.toLocaleString("en-US")} frames mutated by a grammar, seed ${seed}`);
  report.add("frames", frames, "", { atLeast: asked });
  report.add("connections", connections);
  report.add(
    "answers",
    codes.reduce((sum, [, count]) => sum + count, 0),
  );
  report.none("crashes, internal errors, unhandled rejections, errors in the log", errors);
  report.add(
    `growth of the resident memory from frame ${WARM_AFTER.toLocaleString("en-US")} on, collected`,
    Math.round((lastRss - warmRss) / 10_485.76) / 100,
    "MB",
    { atMost: MOST_GROWTH_MB },
  );
  report.add("resident memory at the end", Math.round(lastRss / 1_048_576), "MB");
  report.add("longest stall of the loop, without waiting for a processor", Math.round(stall.ownMs), "ms", {
    atMost: MOST_STALL_MS,
  });
  report.note(`longest stall: ${describeStall(stall)}; ${megabytes(warmRss)} resident after the warm-up`);
  report.note(`answers: ${codes.map(([name, count]) => `${name} ${count}`).join(", ")}`);
  return report;
}

if (import.meta.main) {
  await runScript(
    (short, { frames = 0, seed = 0 }) => fuzzing(frames || (short ? SHORT_FRAMES : FRAMES), seed || Date.now() % 1e6),
    ["frames", "seed"],
  );
}
