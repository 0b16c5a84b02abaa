/**
 * Two nodes under a steady load, and PostgreSQL restarted, in order and in the middle of its work, and every connection to it
 * ended again and again: nothing is taken while it is away, and everything that was taken arrives.
 *
 *     npm run test:postgres-away [-- --short] [-- --save NAME]
 */
import { FaultCluster } from "./support/fault-cluster.ts";
import { Report, runScript } from "./support/report.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { SteadyLoad } from "./support/steady-load.ts";

interface Scale {
  readonly devices: number;
  readonly perSecond: number;
  readonly awayS: number;
  /** How often every connection is ended, and how long after one another, milliseconds. */
  readonly cuts: number;
  readonly cutEveryMs: number;
  /** How long the load goes on before the first fault and after each, seconds. */
  readonly peaceS: number;
  /** Whether figures in seconds have goals: not beside other work. */
  readonly timed: boolean;
}

const LONG: Scale = { devices: 200, perSecond: 400, awayS: 10, cuts: 50, cutEveryMs: 200, peaceS: 5, timed: true };
const SHORT: Scale = { devices: 20, perSecond: 60, awayS: 1, cuts: 5, cutEveryMs: 200, peaceS: 0.5, timed: false };

const RECOVERY_S = 5;
const PATIENCE_S = 30;
const LOOK_MS = 50;
/** Of pino. */
const ERROR_LEVEL = 50;
/** How PostgreSQL is asked to end: its connections are ended first, or everything at once, as in a crash. */
const ENDINGS = [
  ["restarted", "SIGINT"],
  ["restarted as after a crash", "SIGQUIT"],
] as const;

/** Puts two nodes through every fault; the report's figures are what was seen. */
export async function postgresAway(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  await using cluster = await FaultCluster.start({ people: scale.devices });
  const { nodes, tokens, admin, postgres } = cluster;
  await using load = new SteadyLoad({ nodes, tokens, admin, perSecond: scale.perSecond });
  await load.start();
  const report = new Report(
    `PostgreSQL away: two nodes, ${scale.devices} devices, ${scale.perSecond} durable messages a second`,
  );
  const peace = () => Bun.sleep(scale.peaceS * 1000);
  const goal = scale.timed ? { atMost: RECOVERY_S } : null;
  await peace();
  for (const [name, signal] of ENDINGS) {
    await postgres.service.stop(signal);
    const gone = performance.now();
    const refusals: string[] = [];
    const until = gone + scale.awayS * 1000;
    do {
      refusals.push(...(await Promise.all(nodes.map((node) => refusal(node, cluster)))));
      await Bun.sleep(LOOK_MS);
    } while (performance.now() < until);
    const asked = performance.now();
    await postgres.service.start();
    const back = performance.now();
    const recovered = await Promise.all(nodes.map((node) => taken(node, cluster)));
    await peace();
    // What was on its way when it ended was answered by then.
    report.add(`${name}: accepted while it was away`, load.between(gone + LOOK_MS, asked).accepted, "", { equals: 0 });
    report.none(
      `${name}: refusals that are not 503 with Retry-After`,
      refusals.filter((said) => said !== "503 1"),
    );
    report.add(`${name}: both nodes take messages again after`, (Math.max(...recovered) - back) / 1000, "s", goal);
    report.add(`${name}: accepted after it`, load.between(back, performance.now()).accepted, "", { atLeast: 1 });
  }

  const began = performance.now();
  for (let cut = 0; cut < scale.cuts; cut++) {
    await postgres.cutAll(cluster.databaseUrl);
    await Bun.sleep(scale.cutEveryMs);
  }
  const ended = performance.now();
  const recovered = await Promise.all(nodes.map((node) => taken(node, cluster)));
  await peace();
  report.add("every connection ended, times", scale.cuts);
  report.add("meanwhile accepted", load.between(began, ended).accepted);
  report.add("both nodes take messages again after", (Math.max(...recovered) - ended) / 1000, "s", goal);
  await load.complete();
  load.addTo(report);
  report.none("errors in the nodes' logs, but that the database is away", unexpected(cluster.log));
  return report;
}

/** What was logged as an error that is no word of the database being away. */
function unexpected(log: string): string[] {
  return log.split("\n").filter((line) => {
    if (!line.startsWith("{")) return line.trim() !== "";
    const { level, msg } = JSON.parse(line) as { level: number; msg: string };
    return level >= ERROR_LEVEL && msg !== "the database does not answer";
  });
}

/** What a push is answered: `STATUS RETRY-AFTER`. */
async function refusal(node: ServerProcess, cluster: FaultCluster): Promise<string> {
  const response = await push(node, cluster);
  return `${response.status} ${response.headers.get("retry-after")}`;
}

/** Resolves when a push to a node is taken, with the moment, on the clock of `performance.now()`. */
async function taken(node: ServerProcess, cluster: FaultCluster): Promise<number> {
  const deadline = performance.now() + PATIENCE_S * 1000;
  while (!(await push(node, cluster)).ok) {
    if (performance.now() > deadline) throw new Error(`nothing was taken within ${PATIENCE_S} s`);
    await Bun.sleep(LOOK_MS);
  }
  return performance.now();
}

/** To an administrator, who has no device. */
function push(node: ServerProcess, { admin, adminId }: FaultCluster): Promise<Response> {
  return fetch(`http://127.0.0.1:${node.port}/api/messages/`, {
    method: "POST",
    headers: { authorization: `Bearer ${admin}` },
    body: JSON.stringify({ type: "probe", message: 1, user_id: adminId }),
  });
}

if (import.meta.main) await runScript(postgresAway);
