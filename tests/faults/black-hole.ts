/**
 * Peers whose network swallows everything, pushed to every second: they are noticed in time, and lose nothing. Runs itself
 * again in a network namespace of its own, whose only interface is a loopback that can be broken without harm.
 *
 *     bun tests/faults/black-hole.ts [--short] [--save NAME]
 */
import { runChild } from "../../bench/src/workspace.ts";
import { FaultServer } from "./support/fault-server.ts";
import { Fleet, range } from "./support/fleet.ts";
import { ordersFor, pushAll } from "./support/push.ts";
import { Report, runScript } from "./support/report.ts";

const LONG = { lost: 200, healthy: 50, seconds: 10, heartbeatS: 2, reapedAfter: 2.5 };
/** Half a heartbeat more, and longer heartbeats, for a machine with other things to do. */
const SHORT = { lost: 20, healthy: 5, seconds: 13, heartbeatS: 4, reapedAfter: 3 };
/** An address of the loopback, until it is none any more. */
const DOOMED = "10.77.0.2";
const ISOLATED = "FAULTS_ISOLATED";
const PATIENCE_MS = 30_000;

/** Whether a process here may have a network namespace of its own. */
export async function canIsolate(): Promise<boolean> {
  if (Bun.which("unshare") === null || Bun.which("ip") === null) return false;
  return (await runChild(["unshare", "-rn", "ip", "link", "set", "lo", "up"], 10_000)).exitCode === 0;
}

/** Breaks the network of some peers; the report's figures say when the server let go of them. */
export async function blackHole(short: boolean): Promise<Report> {
  const { lost, healthy, seconds, heartbeatS, reapedAfter } = short ? SHORT : LONG;
  const report = new Report(`${lost} black-holed peers, pushed to every second, a heartbeat of ${heartbeatS} s`);
  await ip("link", "set", "lo", "up");
  await ip("addr", "add", `${DOOMED}/32`, "dev", "lo");
  const env = { LTY_HOST: "0.0.0.0", LTY_HEARTBEAT_S: String(heartbeatS) };
  await using server = await FaultServer.start({ people: lost + healthy, env });
  await using doomed = new Fleet(server, range(1, lost), { host: DOOMED });
  await using others = new Fleet(server, range(lost + 1, lost + healthy));
  await doomed.connect();
  await others.connect();
  let pushed = 0;
  const pushEverybody = async () => {
    pushed += await pushAll(
      server,
      ordersFor(range(1, lost + healthy), 1, () => `"${pushed}"`),
    );
  };
  await pushEverybody();
  await doomed.handles(lost, PATIENCE_MS);

  await ip("addr", "del", `${DOOMED}/32`, "dev", "lo");
  await ip("route", "add", "blackhole", `${DOOMED}/32`);
  const broken = performance.now();
  const secondsSince = () => (performance.now() - broken) / 1000;
  const closes = others.record.connections;
  let reapedAt = Number.POSITIVE_INFINITY;
  let nextPush = 0;
  while (secondsSince() < seconds) {
    if (secondsSince() >= nextPush) {
      nextPush += 1;
      await pushEverybody();
    }
    if (reapedAt === Number.POSITIVE_INFINITY && (await connected(server)) === healthy) reapedAt = secondsSince();
    await Bun.sleep(50);
  }
  const handledInTheDark = doomed.handled - lost;
  await ip("route", "del", "blackhole", `${DOOMED}/32`);
  await ip("addr", "add", `${DOOMED}/32`, "dev", "lo");
  for (const client of doomed.clients) client.cut();
  await doomed.handles((pushed * lost) / (lost + healthy), PATIENCE_MS);
  await others.handles((pushed * healthy) / (lost + healthy), PATIENCE_MS);

  report.add("handled by the peers while they were cut off", handledInTheDark, "", { equals: 0 });
  report.add("all of them let go after", reapedAt, "s");
  report.add("in heartbeats", reapedAt / heartbeatS, "", { atMost: reapedAfter });
  report.add("others that lost their connection", others.record.connections - closes, "", { equals: 0 });
  report.add("pushed", pushed);
  report.add("handled in the end", doomed.handled + others.handled, "", { equals: pushed });
  doomed.addTo(report);
  others.addTo(report);
  return report;
}

async function connected(server: FaultServer): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.port}/api/connections/`, {
    headers: { authorization: `Bearer ${server.admin}` },
  });
  const { data } = (await response.json()) as { data: { total_connections: number } };
  return data.total_connections;
}

async function ip(...words: string[]): Promise<void> {
  const { exitCode, stderr } = await runChild(["ip", ...words], 10_000);
  if (exitCode !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr}`);
}

if (import.meta.main) {
  if (process.env[ISOLATED] === "1") await runScript(blackHole);
  const again = Bun.spawn(["unshare", "-rn", process.execPath, import.meta.path, ...process.argv.slice(2)], {
    env: { ...process.env, [ISOLATED]: "1" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => again.kill(signal));
  process.exit(await again.exited);
}
