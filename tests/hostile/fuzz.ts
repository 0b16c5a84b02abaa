/**
 * Sends mutated frames to a gateway and judges what becomes of it: `bun tests/hostile/fuzz.ts [--frames N] [--seed N]`.
 * The same seed sends the same frames.
 */
import { parseArgs } from "node:util";
import { fuzz, megabytes, WARM_AFTER } from "./fuzz/run.ts";
import { describeStall } from "./support/loop-watch.ts";

const MOST_GROWTH_BYTES = 10 * 1024 * 1024;
const MOST_STALL_MS = 250;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "200000" },
    seed: { type: "string", default: String(Date.now() % 1e6) },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);
const { frames, connections, answers, warmRss, lastRss, stall, errors } = await fuzz({
  frames: Number(values.frames),
  seed,
  progress: console.log,
});
const growth = lastRss - warmRss;
console.log(`${frames} frames over ${connections} connections, seed ${seed}`);
console.log(
  Object.entries(answers)
    .map(([name, count]) => `${name} ${count}`)
    .sort()
    .join(", "),
);
console.log(
  `resident memory from frame ${WARM_AFTER} on: ${growth < 0 ? "" : "+"}${megabytes(growth)} (at most 10 MB)`,
);
console.log(`longest stall: ${describeStall(stall)} (at most ${MOST_STALL_MS} ms)`);
console.log(`errors: ${errors.length}`);
for (const error of errors) console.log(error);
process.exitCode = errors.length === 0 && growth < MOST_GROWTH_BYTES && stall.ownMs <= MOST_STALL_MS ? 0 : 1;
