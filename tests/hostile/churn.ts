/** Opens and closes 200 connections a second, for 5 minutes unless said: `bun tests/hostile/churn.ts [--seconds N]`. */
import { parseArgs } from "node:util";
import { churn } from "./churn/run.ts";
import { describeStall } from "./support/loop-watch.ts";

const MOST_MB_PER_MINUTE = 1;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "300" } } });
const seconds = Number(values.seconds);
const outcome = await churn({ seconds, warmUpSeconds: seconds / 5, sampleEverySeconds: 10, progress: console.log });
const { visits, failures, slope, stall, errors, left } = outcome;
const remaining = Object.entries(left).filter(([, count]) => count > 0);
console.log(`${visits} visits in ${seconds} s, ${failures.length} went wrong`);
console.log(`resident memory: ${slope.toFixed(2)} MB a minute after the warm-up (at most ${MOST_MB_PER_MINUTE})`);
console.log(`longest stall: ${describeStall(stall)}`);
console.log(`left at the end: ${remaining.map(([name, count]) => `${name} ${count}`).join(", ") || "nothing"}`);
console.log(`errors: ${errors.length}`);
for (const line of [...errors, ...failures.slice(0, 20)]) console.log(line);
const sound = failures.length + errors.length + remaining.length === 0;
process.exitCode = sound && slope <= MOST_MB_PER_MINUTE ? 0 : 1;
