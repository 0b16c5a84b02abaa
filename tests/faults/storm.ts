/**
 * Ten thousand idle sockets of `lty.v1`: what they cost, and how soon all are back after `kill -9`.
 *
 *     bun tests/faults/storm.ts [--short] [--save NAME]
 */
import { FaultServer } from "./support/fault-server.ts";
import { Fleet, range } from "./support/fleet.ts";
import { ordersFor, pushAll } from "./support/push.ts";
import { Report, runScript } from "./support/report.ts";
import { residentBytes, watchProcessor } from "./support/usage.ts";

const LONG = { sockets: 10_000, settleS: 20, idleS: 20 };
const SHORT = { sockets: 500, settleS: 0, idleS: 1 };
const JITTERED_S = 30;
const AT_ONCE_S = 60;
const PATIENCE_MS = 90_000;

/** Runs the storm; costs have goals only where there are enough sockets to see them. */
export async function storm(short: boolean): Promise<Report> {
  const { sockets, settleS, idleS } = short ? SHORT : LONG;
  const report = new Report(`${sockets.toLocaleString("en-US")} idle lty.v1 sockets, and their return after kill -9`);
  const users = range(1, sockets);
  await using server = await FaultServer.start({ people: sockets });
  let hasJitter = true;
  await using fleet = new Fleet(server, users, {
    // Twice as long after each attempt, up to 8 s, and any time within that; or everybody at the same moment.
    retryMs: (attempt) => (hasJitter ? Math.random() * Math.min(8_000, 500 * 2 ** attempt) : 250),
  });

  const before = residentBytes(server.pid);
  await fleet.connect();
  // Until the garbage of the handshakes is collected.
  await Bun.sleep(settleS * 1000);
  const perSocket = (residentBytes(server.pid) - before) / sockets;
  report.add("resident set per socket", perSocket, "bytes", short ? null : { atMost: 8 * 1024 });
  const watched = watchProcessor([server.pid]);
  await Bun.sleep(idleS * 1000);
  report.add("processor while idle", watched()[0] ?? Number.NaN, "% of one", short ? null : { atMost: 5 });

  await pushAll(
    server,
    ordersFor(users, 1, () => '"hello"'),
  );
  report.add("first message handled by", (await fleet.handles(sockets, PATIENCE_MS)) ? fleet.handled : 0, "devices", {
    equals: sockets,
  });
  for (const [name, limitS] of [
    ["with jitter", JITTERED_S],
    ["without jitter", AT_ONCE_S],
  ] as const) {
    hasJitter = name === "with jitter";
    const { connections, resumed } = fleet.record;
    await server.kill();
    const killed = performance.now();
    await server.serve();
    const started = performance.now();
    await fleet.reaches(() => fleet.record.connections - connections >= sockets, PATIENCE_MS);
    report.add(`${name}: start of the server`, (started - killed) / 1000, "s");
    report.add(`${name}: all back after`, (performance.now() - started) / 1000, "s", { atMost: limitS });
    report.add(`${name}: resumed at their place`, fleet.record.resumed - resumed, "", { equals: sockets });
  }
  await pushAll(
    server,
    ordersFor(users, 1, () => '"again"'),
  );
  await fleet.handles(2 * sockets, PATIENCE_MS);
  report.add("messages handled in all", fleet.handled, "", { equals: 2 * sockets });
  report.add("resets", fleet.record.resets.length, "", { equals: 0 });
  fleet.addTo(report);
  return report;
}

if (import.meta.main) await runScript(storm);
