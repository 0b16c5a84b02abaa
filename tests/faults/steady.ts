/**
 * A steady load of durable messages: nothing is lost, what it takes, and whether the database stops growing.
 *
 *     bun tests/faults/steady.ts [--short] [--save NAME]
 */
import { Database } from "bun:sqlite";
import { FaultServer } from "./support/fault-server.ts";
import { Fleet, range } from "./support/fleet.ts";
import { pushSteadily } from "./support/push.ts";
import { Report, runScript } from "./support/report.ts";
import { Durations, watchProcessor } from "./support/usage.ts";

const LONG = { devices: 1_000, perSecond: 2_000, seconds: 60, levelSeconds: 300 };
const SHORT = { devices: 100, perSecond: 200, seconds: 3, levelSeconds: 0 };
const CONNECTIONS = 64;
const PATIENCE_MS = 30_000;
/** Messages of the second part expire so soon, seconds; what has expired is deleted once a minute. */
const TTL_S = 30;
const SAMPLE_MS = 2_000;

/** Runs the load; the report's figures are its percentiles. */
export async function steady(short: boolean): Promise<Report> {
  const { devices, perSecond, seconds, levelSeconds } = short ? SHORT : LONG;
  const report = new Report(`${perSecond.toLocaleString("en-US")} durable messages a second to ${devices} devices`);
  await using server = await FaultServer.start({ people: devices });
  const dues: number[] = [];
  const delivery = new Durations();
  const accept = new Durations();
  await using fleet = new Fleet(server, range(1, devices), {
    handle: (_userId, { message }) => {
      const { n } = message as { n: number };
      const due = dues[n];
      if (due !== undefined) delivery.add(performance.now() - due);
    },
  });
  await fleet.connect();
  const watched = watchProcessor([process.pid, server.pid]);
  const sent = await pushSteadily(server, {
    ...{ perSecond, seconds, connections: CONNECTIONS },
    order: (n, due) => {
      dues[n] = due;
      return { userId: 1 + (n % devices), message: `{"n":${n}}` };
    },
    accepted: (_n, ms) => accept.add(ms),
  });
  const [generator, serverShare] = watched();
  await fleet.handles(sent, PATIENCE_MS);
  report.add("accepted", sent, "", { equals: perSecond * seconds });
  report.add("handled", fleet.handled, "", { equals: sent });
  report.add("accept p50", accept.percentile(0.5), "ms");
  report.add("accept p99", accept.percentile(0.99), "ms", short ? null : { atMost: 50 });
  report.add("send to handler p50", delivery.percentile(0.5), "ms");
  report.add("send to handler p99", delivery.percentile(0.99), "ms", short ? null : { atMost: 150 });
  report.add("processor of the server", serverShare ?? Number.NaN, "% of one");
  report.add("processor of the load generator, devices included", generator ?? Number.NaN, "% of one");
  fleet.addTo(report);
  if (levelSeconds > 0) await level(report, server, { devices, perSecond, seconds: levelSeconds });
  return report;
}

/** Messages that expire: in the end the file holds what a minute and a lifetime bring, and grows no more. */
async function level(
  report: Report,
  server: FaultServer,
  { devices, perSecond, seconds }: { readonly devices: number; readonly perSecond: number; readonly seconds: number },
): Promise<void> {
  using database = new Database(server.database, { readonly: true });
  const pages = database.prepare("PRAGMA page_count");
  const samples: { readonly at: number; readonly pages: number }[] = [];
  const start = performance.now();
  const sample = () => {
    const { page_count } = pages.get() as { page_count: number };
    samples.push({ at: (performance.now() - start) / 1000, pages: page_count });
  };
  const timer = setInterval(sample, SAMPLE_MS);
  try {
    await pushSteadily(server, {
      ...{ perSecond, seconds, connections: CONNECTIONS },
      order: (n) => ({ userId: 1 + (n % devices), message: `{"n":-1}`, ttl: TTL_S }),
    });
  } finally {
    clearInterval(timer);
  }
  sample();
  const largest = (from: number, to: number) =>
    Math.max(...samples.filter(({ at }) => at >= from && at < to).map((found) => found.pages));
  // The last two minutes, each with one deletion in it.
  const [from, half] = [seconds - 120, seconds - 60];
  report.add(`messages that expire after ${TTL_S} s, sent for`, seconds, "s");
  report.add("pages at its start", samples[0]?.pages ?? Number.NaN);
  report.add(`most pages from ${from} s to ${half} s`, largest(from, half));
  report.add(`most pages from ${half} s on`, largest(half, Number.POSITIVE_INFINITY));
  report.add("growth between the two", (largest(half, Number.POSITIVE_INFINITY) / largest(from, half) - 1) * 100, "%", {
    atMost: 5,
  });
  report.note(
    "Here messages expire; those that everybody acknowledged are deleted after an hour, which test:level-off shows by a clock that jumps.",
  );
}

if (import.meta.main) await runScript(steady);
