/**
 * Two nodes under a steady load, and Redis killed, flushed, silent, and deaf to every hint: what is taken arrives all the
 * same, a little later, and the nodes say so and recover by themselves.
 *
 *     npm run test:redis-away [-- --short] [-- --save NAME]
 */
import { FaultCluster } from "./support/fault-cluster.ts";
import { errorsIn, Report, runScript } from "./support/report.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { SLOW_MS, SteadyLoad } from "./support/steady-load.ts";

interface Scale {
  readonly devices: number;
  readonly perSecond: number;
  /** How long each kind of fault lasts, seconds. */
  readonly killedS: number;
  readonly silentS: number;
  readonly hintlessS: number;
  /** How long the load goes on before the first and after each, seconds. */
  readonly peaceS: number;
  /** Whether figures in milliseconds have goals: not beside other work. */
  readonly timed: boolean;
}

const LONG: Scale = {
  ...{ devices: 200, perSecond: 400, timed: true },
  ...{ killedS: 10, silentS: 30, hintlessS: 30, peaceS: 10 },
};
const SHORT: Scale = {
  ...{ devices: 20, perSecond: 60, timed: false },
  ...{ killedS: 1, silentS: 4, hintlessS: 2, peaceS: 0.5 },
};

const WORST_MS = 3_000;
const NOTICED_S = 5;
const RECOVERY_S = 5;
/** How long a node may take to notice that Redis is away or back, in the short form, seconds. */
const PATIENCE_S = 30;
const LOOK_MS = 50;

interface Fault {
  readonly name: string;
  readonly seconds: number;
  /** Whether nodes cannot reach Redis meanwhile. */
  readonly away: boolean;
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** Puts two nodes through every fault; the report's figures are what was seen. */
export async function redisAway(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  await using cluster = await FaultCluster.start({ people: scale.devices, env: { LTY_LOG_LEVEL: "info" } });
  const { nodes, tokens, admin } = cluster;
  for (const node of nodes) await reaches(node, false);
  await using load = new SteadyLoad({ nodes, tokens, admin, perSecond: scale.perSecond });
  await load.start();
  const report = new Report(
    `Redis away: two nodes, ${scale.devices} devices, ${scale.perSecond} durable messages a second`,
  );
  const faults = faultsOf(cluster, scale);
  const seen: Seen[] = [];
  const began = performance.now();
  await Bun.sleep(scale.peaceS * 1000);
  const before = { began, ended: performance.now() };
  for (const fault of faults) seen.push(await suffer(fault, cluster, scale));
  const refused = await refusedPublishes(cluster);
  await load.complete();

  const peace = load.between(before.began, before.ended);
  report.add("in peace: p50 from the answer to the arrival", peace.p50, "ms");
  report.add("in peace: worst", peace.worst, "ms");
  for (const { fault, beganAt, endedAt, untilAt, noticedS, recoveredS } of seen) {
    const during = load.between(beganAt, endedAt);
    const after = load.between(endedAt, untilAt);
    const goal = (atMost: number) => (scale.timed ? { atMost } : null);
    report.add(`${fault.name}: accepted meanwhile`, during.accepted, "", { atLeast: 1 });
    report.add(`${fault.name}: p50 from the answer to the arrival`, during.p50, "ms");
    report.add(`${fault.name}: worst`, Math.max(during.worst, after.worst), "ms", goal(WORST_MS));
    if (fault.away) {
      report.add(`${fault.name}: both nodes say so after`, noticedS, "s", goal(NOTICED_S));
      report.add(`${fault.name}: both say it is back after`, recoveredS, "s", goal(RECOVERY_S));
    }
    report.add(
      `${fault.name}: nothing took over ${SLOW_MS / 1000} s from so long after`,
      after.calmAfterS,
      "s",
      goal(RECOVERY_S),
    );
  }
  report.add("hints that Redis refused", refused, "", { atLeast: 1 });
  const away = faults.filter((fault) => fault.away).length;
  for (const [index, node] of nodes.entries()) {
    report.add(`node ${index + 1}: lines that Redis is away`, said(node, "redis does not answer"), "", {
      equals: away,
    });
    report.add(`node ${index + 1}: lines that it answers`, said(node, "redis answers"), "", { equals: away + 1 });
  }
  load.addTo(report);
  report.none("errors in the servers' log", errorsIn(cluster.log));
  return report;
}

function faultsOf({ redis }: FaultCluster, { killedS, silentS, hintlessS }: Scale): Fault[] {
  const killed = (name: string): Fault => ({
    ...{ name, seconds: killedS, away: true },
    begin: () => redis.service.stop(),
    end: () => redis.service.start(),
  });
  return [
    killed("killed"),
    killed("killed again"),
    killed("killed a third time"),
    {
      ...{ name: "flushed", seconds: hintlessS / 2, away: false },
      begin: () => redis.run("FLUSHALL"),
      end: () => redis.run("FLUSHALL"),
    },
    {
      ...{ name: "silent", seconds: silentS, away: true },
      begin: async () => redis.service.signal("SIGSTOP"),
      end: async () => redis.service.signal("SIGCONT"),
    },
    {
      ...{ name: "every hint dropped", seconds: hintlessS, away: false },
      begin: () => redis.run("ACL", "SETUSER", "default", "-publish", "-spublish"),
      end: () => redis.run("ACL", "SETUSER", "default", "+publish", "+spublish"),
    },
  ];
}

interface Seen {
  readonly fault: Fault;
  /** On the clock of `performance.now()`. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly untilAt: number;
  readonly noticedS: number;
  readonly recoveredS: number;
}

/** One fault, and the time after it. */
async function suffer(fault: Fault, { nodes }: FaultCluster, { peaceS }: Scale): Promise<Seen> {
  const all = (isDown: boolean) => Promise.all(nodes.map((node) => reaches(node, isDown)));
  const since = (at: number) => (performance.now() - at) / 1000;
  const beganAt = performance.now();
  await fault.begin();
  const lasts = Bun.sleep(fault.seconds * 1000);
  if (fault.away) await all(true);
  const noticedS = since(beganAt);
  await lasts;
  await fault.end();
  const endedAt = performance.now();
  if (fault.away) await all(false);
  const recoveredS = since(endedAt);
  await Bun.sleep(peaceS * 1000);
  return { fault, beganAt, endedAt, untilAt: performance.now(), noticedS, recoveredS };
}

/** Resolves once a node says, in `/readyz` and in its metrics, that Redis is away or that it is there. @throws Error when that takes too long */
async function reaches(node: ServerProcess, isDown: boolean): Promise<void> {
  const url = `http://127.0.0.1:${node.port}`;
  const deadline = performance.now() + PATIENCE_S * 1000;
  for (;;) {
    const ready = await fetch(`${url}/readyz`);
    const { data } = (await ready.json()) as { data: { degraded: string[] } };
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const isMetered = metrics.includes(`\nlty_redis_down ${Number(isDown)}\n`);
    if (ready.status === 200 && data.degraded.includes("redis") === isDown && isMetered) return;
    if (performance.now() > deadline) {
      throw new Error(`after ${PATIENCE_S} s a node does not say that Redis is ${isDown ? "away" : "back"}`);
    }
    await Bun.sleep(LOOK_MS);
  }
}

async function refusedPublishes({ redis }: FaultCluster): Promise<number> {
  const stats = String(await redis.run("INFO", "commandstats"));
  const refused = stats.matchAll(/^cmdstat_s?publish:.*rejected_calls=(\d+)/gm);
  return [...refused].reduce((sum, [, count]) => sum + Number(count), 0);
}

function said(node: ServerProcess, words: string): number {
  return node.log.split("\n").filter((line) => line.includes(`"${words}`)).length;
}

if (import.meta.main) await runScript(redisAway);
