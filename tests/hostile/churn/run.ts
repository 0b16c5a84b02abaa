import type { Census } from "../support/gateway-child.ts";
import { GatewayProcess } from "../support/gateway-process.ts";
import { describeStall, longer, NO_STALL, type Stall } from "../support/loop-watch.ts";
import { visit } from "./visits.ts";

const PER_SECOND = 200;
/** Visits are begun so many times a second, a few at a time. */
const STARTS_PER_SECOND = 50;
/** Odd, so that every visitor comes in every way. */
const HOLDERS = 97;
/** How long the gauges may take to fall to 0 after the last visit, milliseconds. */
const EMPTY_AFTER_MS = 15_000;

/** The memory at some time. */
interface Sample {
  readonly minutes: number;
  readonly megabytes: number;
}

/** What came of so many visits. */
export interface ChurnOutcome {
  readonly visits: number;
  /** Visits that went otherwise than they should. */
  readonly failures: readonly string[];
  /** Of the resident memory after the warm-up, megabytes a minute; 0 where there was no time to tell. */
  readonly slope: number;
  readonly stall: Stall;
  readonly errors: readonly string[];
  /** What was left at the end. */
  readonly left: Census;
}

export interface ChurnOptions {
  readonly seconds: number;
  /** Memory is not compared before. */
  readonly warmUpSeconds: number;
  readonly sampleEverySeconds: number;
  readonly progress?: (line: string) => void;
}

/** Opens and closes 200 connections a second. */
export async function churn(options: ChurnOptions): Promise<ChurnOutcome> {
  const { seconds, warmUpSeconds, sampleEverySeconds, progress } = options;
  await using gateway = await GatewayProcess.start({}, HOLDERS);
  const samples: Sample[] = [];
  const failures: string[] = [];
  let stall = NO_STALL;
  let visits = 0;
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1_000;

  const sample = async () => {
    const measure = await gateway.measure();
    stall = longer(stall, measure.stall);
    const megabytes = measure.rssBytes / 1024 / 1024;
    samples.push({ minutes: elapsed() / 60, megabytes });
    progress?.(
      `${elapsed().toFixed(0)} s, ${visits} visits: ${megabytes.toFixed(1)} MB resident, stall ${describeStall(measure.stall)}`,
    );
  };

  const underWay = new Set<Promise<void>>();
  const begin = () => {
    const number = visits++;
    const ended = visit(gateway.port, gateway.holders, number)
      .catch((error: unknown) => void failures.push(`visit ${number}: ${error}`))
      .finally(() => underWay.delete(ended));
    underWay.add(ended);
  };
  let sampling = Promise.resolve();
  let nextSample = sampleEverySeconds;
  for await (const _ of ticks(1_000 / STARTS_PER_SECOND, seconds * 1_000)) {
    while (visits < Math.min(elapsed(), seconds) * PER_SECOND) begin();
    if (elapsed() < nextSample) continue;
    nextSample += sampleEverySeconds;
    sampling = sampling.then(sample);
  }
  while (visits < seconds * PER_SECOND) begin();
  await Promise.all(underWay);
  await sampling;
  const left = await emptied(gateway);
  const { errors } = await gateway.measure();
  const slope = slopeOf(samples.filter(({ minutes }) => minutes * 60 >= warmUpSeconds));
  return { visits, failures, slope, stall, errors, left };
}

/** The census once nothing is left, or what is left after a while. */
async function emptied(gateway: GatewayProcess): Promise<Census> {
  const deadline = performance.now() + EMPTY_AFTER_MS;
  for (;;) {
    const census = await gateway.census();
    const isEmpty = Object.values(census).every((count) => count === 0);
    if (isEmpty || performance.now() > deadline) return census;
  }
}

/** Comes back every so often, for so long. */
async function* ticks(everyMs: number, forMs: number): AsyncGenerator<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    yield;
    await Bun.sleep(everyMs);
  }
}

/** The slope of the line with the least squares. */
function slopeOf(samples: readonly Sample[]): number {
  if (samples.length < 3) return 0;
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ minutes }) => minutes), mean(({ megabytes }) => megabytes)];
  const covariance = mean(({ minutes, megabytes }) => (minutes - x) * (megabytes - y));
  return covariance / mean(({ minutes }) => (minutes - x) ** 2);
}
