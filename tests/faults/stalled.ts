/**
 * Consumers that stop reading with megabytes waiting: what the others notice, what it costs, and whether the stalled ones
 * get everything when they read again.
 *
 *     bun tests/faults/stalled.ts [--short] [--save NAME]
 */
import { median } from "../../bench/src/stats.ts";
import { FaultServer } from "./support/fault-server.ts";
import { Fleet, range } from "./support/fleet.ts";
import type { LtyClient } from "./support/lty-client.ts";
import { ordersFor, pushAll, pushSteadily } from "./support/push.ts";
import { Report, runScript } from "./support/report.ts";
import { Durations, residentBytes } from "./support/usage.ts";

const LONG = { consumers: 1_000, stalled: 100, backlogBytes: 10e6, perSecond: 250, seconds: 20 };
const SHORT = { consumers: 100, stalled: 10, backlogBytes: 1e6, perSecond: 100, seconds: 3 };
/** Text of one message of the backlog: a request may be 64 KiB. */
const MESSAGE_BYTES = 60_000;
const MAX_GROWTH_MIB = 60;
/** The p99 of a window is the median of those of its slices, seconds: what else the machine does comes in bursts. */
const SLICE_S = 1;
const PATIENCE_MS = 120_000;

/** Stalls a tenth of the consumers; the report's figures compare the others before, meanwhile and after. */
export async function stalled(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  const { consumers, backlogBytes } = scale;
  const report = new Report(
    `${scale.stalled} stalled of ${consumers.toLocaleString("en-US")} consumers, ${backlogBytes / 1e6} MB waiting for each`,
  );
  await using server = await FaultServer.start({ people: consumers });
  const stuckUsers = range(1, scale.stalled);
  const healthyUsers = range(scale.stalled + 1, consumers);
  const perWindow = scale.perSecond * scale.seconds;
  const dues: number[] = [];
  /** Send to handler, in slices of the window by when it was due. */
  let slices: Durations[] = [];
  await using healthy = new Fleet(server, healthyUsers, {
    handle: (_userId, { message }) => {
      const { n } = message as { n: number };
      const slice = Math.floor((n % perWindow) / (SLICE_S * scale.perSecond));
      slices[slice] ??= new Durations();
      slices[slice]?.add(performance.now() - (dues[n] ?? 0));
    },
  });
  const backlogs = new Map<number, number[]>();
  await using stuck = new Fleet(server, stuckUsers, {
    handle: (userId, { message }) => {
      const got = backlogs.get(userId) ?? [];
      backlogs.set(userId, got);
      got.push((message as { n: number }).n);
    },
  });
  await healthy.connect();
  await stuck.connect();

  let pushed = 0;
  const window = async (): Promise<{ readonly delivery: number[]; readonly accept: number }> => {
    slices = [];
    const accept = new Durations();
    const base = pushed;
    pushed += await pushSteadily(server, {
      ...{ perSecond: scale.perSecond, seconds: scale.seconds, connections: 16 },
      order: (n, due) => {
        dues[base + n] = due;
        return { userId: healthyUsers[n % healthyUsers.length] ?? 0, message: `{"n":${base + n}}` };
      },
      accepted: (_n, ms) => accept.add(ms),
    });
    await healthy.handles(pushed, PATIENCE_MS);
    return { delivery: slices.map((slice) => slice.percentile(0.99)), accept: accept.percentile(0.99) };
  };

  const before = await window();
  const residentBefore = residentBytes(server.pid);
  for (const client of stuck.clients) client.stopReading();
  const each = Math.ceil(backlogBytes / MESSAGE_BYTES);
  const text = "x".repeat(MESSAGE_BYTES);
  // One after another for each of them, so that it is known what order is.
  const backlogOf = (userId: number) =>
    pushAll(
      server,
      ordersFor([userId], each, (n) => `{"n":${n},"text":"${text}"}`),
      1,
    );
  await Promise.all(stuckUsers.map(backlogOf));
  // By now some were closed for their silence: all connect anew, and stop reading again at once.
  const stallAnew = async (client: LtyClient) => {
    client.cut();
    await client.greeted();
    client.stopReading();
  };
  await Promise.all(stuck.clients.map(stallAnew));
  const meanwhile = await window();
  const leaked = stuck.handled;
  const growth = (residentBytes(server.pid) - residentBefore) / 2 ** 20;

  for (const client of stuck.clients) client.startReading();
  await stuck.handles(scale.stalled * each, PATIENCE_MS);
  const after = await window();

  const usual = median([...before.delivery, ...after.delivery]);
  const inOrder = [...backlogs.values()].filter((got) => got.length === each && got.every((n, index) => n === index));
  report.add("messages waiting for each", each);
  report.add("p99 of the healthy before", median(before.delivery), "ms");
  report.add("p99 of the healthy after", median(after.delivery), "ms");
  report.add("p99 of the healthy meanwhile", median(meanwhile.delivery), "ms");
  // What came with the greeting, before reading stopped.
  report.add("handled by the stalled ones meanwhile, each", leaked / scale.stalled, "", { atMost: each / 2 });
  report.add("accept p99 before", before.accept, "ms");
  report.add("accept p99 meanwhile", meanwhile.accept, "ms");
  report.add("meanwhile, as a multiple", median(meanwhile.delivery) / usual, "×", short ? null : { atMost: 1.5 });
  report.add("growth of the resident set", growth, "MiB", { atMost: MAX_GROWTH_MIB });
  report.add("stalled ones that got their whole backlog in order", inOrder.length, "", { equals: scale.stalled });
  report.add("messages of the healthy", healthy.handled, "", { equals: pushed });
  healthy.addTo(report);
  stuck.addTo(report);
  return report;
}

if (import.meta.main) await runScript(stalled);
