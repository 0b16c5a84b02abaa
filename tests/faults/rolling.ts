/**
 * A new version comes: the nodes are asked to stop, one after the other, and started again, while everybody goes on. A load
 * balancer that knows sends nobody to the one that is on its way.
 *
 *     npm run test:rolling [-- --short] [-- --save NAME]
 */
import { Close } from "@qy-lty/protocol";
import { FaultCluster } from "./support/fault-cluster.ts";
import { LedgerRun, type LedgerScale } from "./support/ledger-run.ts";
import { Report, runScript } from "./support/report.ts";

interface Scale extends LedgerScale {
  readonly rounds: number;
}

const LONG: Scale = { rounds: 5, devices: 200, sends: 15_000, rate: 500, cutEveryMs: null };
const SHORT: Scale = { rounds: 1, devices: 20, sends: 1_000, rate: 250, cutEveryMs: null };
/** What a drain may take, milliseconds. */
const DRAIN_MS = 15_000;

/** Restarts every node so many times; the report's figures are what clients saw of it. */
export async function rolling(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  const { rounds, devices, sends } = scale;
  await using cluster = await FaultCluster.start({ people: devices });
  await using run = new LedgerRun(cluster, scale);
  await run.connected();
  const sending = run.send();
  const drains: number[] = [];
  const ended: (number | undefined)[] = [];
  const moved: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const node of cluster.nodes) {
      await run.answered(Math.round((sends * (drains.length + 1)) / (rounds * cluster.nodes.length + 2)));
      const before = run.closes.get(Close.draining.code) ?? 0;
      cluster.away.add(node);
      const asked = performance.now();
      ended.push(await node.stop());
      drains.push(performance.now() - asked);
      await node.serve();
      cluster.away.delete(node);
      await run.connected();
      moved.push((run.closes.get(Close.draining.code) ?? 0) - before);
    }
  }
  await sending;
  await run.complete();

  const report = new Report(
    `Rolling restart of ${cluster.nodes.length} nodes × ${rounds}, ${devices} devices, ${sends.toLocaleString("en-US")} durable sends`,
  );
  const otherwise = [...run.closes].filter(([code]) => code !== Close.draining.code);
  report.add("restarts", drains.length, "", { equals: rounds * cluster.nodes.length });
  report.add("that ended with another exit code than 0", ended.filter((code) => code !== 0).length, "", { equals: 0 });
  report.add("the longest drain", Math.max(...drains), "ms", { atMost: DRAIN_MS });
  report.add("restarts that moved somebody", moved.filter((count) => count > 0).length, "", { atLeast: rounds });
  report.add("connections closed with 1012", run.closes.get(Close.draining.code) ?? 0, "", { atLeast: devices });
  report.none(
    "connections that ended otherwise",
    otherwise.map(([code, count]) => `${count} × ${code ?? "no close frame"}`),
  );
  run.addTo(report);
  return report;
}

if (import.meta.main) await runScript(rolling);
