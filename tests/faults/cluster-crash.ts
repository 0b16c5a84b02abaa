/**
 * The crash ledger on PostgreSQL and Redis with two nodes: every 3 seconds one of them, whichever, is killed and started
 * again, while the other goes on. Devices and senders come to either of them.
 *
 *     npm run test:cluster-crash [-- --short] [-- --save NAME]
 */
import { FaultCluster } from "./support/fault-cluster.ts";
import { LedgerRun, type LedgerScale } from "./support/ledger-run.ts";
import { Report, runScript } from "./support/report.ts";

interface Scale extends LedgerScale {
  readonly kills: number;
  readonly everyMs: number;
}

const LONG: Scale = { kills: 20, everyMs: 3_000, devices: 200, sends: 65_000, rate: 700, cutEveryMs: 3_000 };
const SHORT: Scale = { kills: 2, everyMs: 1_000, devices: 20, sends: 3_000, rate: 300, cutEveryMs: 1_000 };

/** Before each kill the senders do not pause for so long, milliseconds. */
const BURST_MS = 100;

/** Runs the ledger; the report's figures are what it found. */
export async function clusterCrash(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  const { kills, everyMs, devices, sends } = scale;
  await using cluster = await FaultCluster.start({ people: devices });
  await using run = new LedgerRun(cluster, scale);
  let isSending = true;
  const sending = run.send().finally(() => {
    isSending = false;
  });
  const unanswered: number[] = [];
  while (isSending) {
    await Promise.race([Bun.sleep(everyMs - BURST_MS), sending]);
    run.bursting = true;
    await Promise.race([Bun.sleep(BURST_MS), sending]);
    const node = cluster.nodes[Math.floor(Math.random() * cluster.nodes.length)];
    if (!isSending || node === undefined) break;
    run.unanswered = 0;
    await node.kill();
    run.bursting = false;
    await new Promise((resolve) => setImmediate(resolve));
    unanswered.push(run.unanswered);
    await node.serve();
  }
  await sending;
  await run.complete();

  const report = new Report(
    `Crash ledger of two nodes: kill -9 of one every ${everyMs / 1000} s, ${devices} devices, ${sends.toLocaleString("en-US")} durable sends`,
  );
  const inFlight = unanswered.filter((count) => count > 0).length;
  report.add("kills", unanswered.length, "", { atLeast: kills });
  // Of a few kills all may come at a quiet moment.
  report.add("kills with accepts in flight", inFlight, "", { atLeast: short ? 0 : unanswered.length / 2 });
  run.addTo(report);
  return report;
}

if (import.meta.main) await runScript(clusterCrash);
