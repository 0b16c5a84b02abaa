/**
 * Two nodes, PostgreSQL and Redis, each alone in a network namespace, and clients outside: each link between them is cut in
 * turn, without a word and by an interface that goes down. Runs itself again in a namespace of its own.
 *
 *     npm run test:partitions [-- --short] [-- --save NAME]
 */
import { FaultCluster } from "./support/fault-cluster.ts";
import { type Cut, canPartition, ip, Link, Namespace } from "./support/network.ts";
import { errorsIn, Report, runScript } from "./support/report.ts";
import { Rival } from "./support/rival.ts";
import { type LoadNode, SteadyLoad } from "./support/steady-load.ts";

interface Scale {
  readonly devices: number;
  readonly perSecond: number;
  /** How long each cut lasts, and the load goes on after each, seconds. */
  readonly cutS: number;
  readonly peaceS: number;
  /** Devices of each node that connect at the other one, too, while a link is cut. */
  readonly rivals: number;
  readonly cuts: readonly Cut[];
  /** Names of the links that are cut. */
  readonly links: readonly string[];
}

const LINKS = ["A to clients", "B to clients", "A to PostgreSQL", "B to PostgreSQL", "A to Redis", "B to Redis"];
const LONG: Scale = {
  ...{ devices: 100, perSecond: 200, cutS: 30, peaceS: 10, rivals: 10 },
  ...{ cuts: ["silent", "down"], links: LINKS },
};
const SHORT: Scale = {
  ...{ devices: 12, perSecond: 40, cutS: 4, peaceS: 1, rivals: 3 },
  ...{ cuts: ["silent"], links: ["A to PostgreSQL"] },
};
const HEARTBEAT_S = 2;
/** A client that hears nothing for three heartbeats goes. */
const SILENCE_MS = 3 * HEARTBEAT_S * 1000;
/** How long after a cut it may take until every device has one connection, seconds. */
const SETTLE_S = 30;
const LOOK_MS = 50;
const ISOLATED = "FAULTS_ISOLATED";

/** Cuts one link after the other; the report's figures are what was seen. */
export async function partitions(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  const network = await layOut();
  await using cluster = await FaultCluster.start({
    ...{ people: scale.devices, places: network.places },
    env: { LTY_HOST: "0.0.0.0", LTY_HEARTBEAT_S: String(HEARTBEAT_S) },
  });
  const nodes = cluster.nodes.map(({ port }, index) => ({ host: network.hosts[index] ?? "", port }));
  const { tokens, admin } = cluster;
  const options = { nodes, tokens, admin, perSecond: scale.perSecond, silenceMs: SILENCE_MS };
  await using load = new SteadyLoad(options);
  await load.start();
  const links = network.links.filter(({ name }) => scale.links.includes(name));
  const report = new Report(
    `Partitions: two nodes, PostgreSQL and Redis each alone, ${links.length * scale.cuts.length} cuts of ${scale.cutS} s, ${scale.devices} devices`,
  );
  const left: string[] = [];
  for (const how of scale.cuts) {
    for (const link of links) {
      const seen = await suffer(link, how, load, { nodes, tokens, scale });
      const name = `${link.name}, ${how}`;
      report.add(`${name}: accepted meanwhile`, load.between(seen.beganAt, seen.endedAt).accepted, "", { atLeast: 1 });
      report.add(`${name}: devices that connected a second time at the other node`, seen.rivals);
      report.add(`${name}: every device had one connection after`, seen.settledS, "s", { atMost: SETTLE_S });
      left.push(...seen.left.map((rival) => `${name}: ${rival}`));
    }
  }
  await load.complete();
  report.none("takeovers that were never settled", left);
  for (const [index, node] of nodes.entries()) {
    report.none(
      `devices with another number of sessions than one, as node ${index + 1} knows`,
      await notOne(node, admin, scale.devices),
    );
  }
  load.addTo(report);
  const errors = errorsIn(cluster.log).filter((line) => !line.includes('"the database does not answer"'));
  report.none("errors in the servers' log but that the database is away", errors);
  return report;
}

interface Network {
  readonly links: readonly Link[];
  /** Where clients reach each node. */
  readonly hosts: readonly string[];
  readonly places: NonNullable<Parameters<typeof FaultCluster.start>[0]["places"]>;
}

/** A cable from each node to the clients, to PostgreSQL and to Redis, and two more by which this script looks after those. */
async function layOut(): Promise<Network> {
  await ip(null, "link", "set", "lo", "up");
  const [a, b, postgres, redis] = [
    await Namespace.make(),
    await Namespace.make(),
    await Namespace.make(),
    await Namespace.make(),
  ];
  const links: Link[] = [];
  for (const [what, there] of [
    ["clients", null] as const,
    ["PostgreSQL", postgres] as const,
    ["Redis", redis] as const,
  ]) {
    for (const [name, node] of [["A", a] as const, ["B", b] as const]) {
      links.push(await Link.lay(`${name} to ${what}`, node, there));
    }
  }
  const [postgresHere, redisHere] = [await Link.lay("", null, postgres), await Link.lay("", null, redis)];
  const reached = (name: string) => links.find((link) => link.name === name)?.hosts ?? ["", ""];
  const place = (name: string, { prefix }: Namespace) => ({
    ...{ prefix, postgres: reached(`${name} to PostgreSQL`)[1], redis: reached(`${name} to Redis`)[1] },
  });
  return {
    links,
    hosts: [reached("A to clients")[0], reached("B to clients")[0]],
    places: {
      postgres: { prefix: postgres.prefix, host: postgresHere.hosts[1] },
      redis: { prefix: redis.prefix, host: redisHere.hosts[1] },
      nodes: [place("A", a), place("B", b)],
    },
  };
}

interface Around {
  readonly nodes: readonly LoadNode[];
  readonly tokens: readonly string[];
  readonly scale: Scale;
}

/** One cut. Near its end some devices connect at the other node, too, while their connection at the first may live on. */
async function suffer(link: Link, how: Cut, load: SteadyLoad, { nodes, tokens, scale }: Around) {
  await load.spread();
  const beganAt = performance.now();
  await link.cut(how);
  await Bun.sleep((scale.cutS * 1000 * 2) / 3);
  const rivals = await Promise.all(
    tokens.slice(0, scale.rivals * nodes.length).map(async (token, index) => {
      const rival = new Rival(`device ${index + 1}`);
      await rival.open(nodes[(load.nodeOf(index + 1) + 1) % nodes.length] as LoadNode, token);
      return rival;
    }),
  );
  await Bun.sleep(Math.max(0, beganAt + scale.cutS * 1000 - performance.now()));
  await link.mend(how);
  const endedAt = performance.now();
  const isSettled = () => rivals.every(({ isOpen }) => !isOpen) && load.devices.every(({ greeting }) => greeting);
  while (!isSettled() && performance.now() < endedAt + 2 * SETTLE_S * 1000) await Bun.sleep(LOOK_MS);
  const settledS = (performance.now() - endedAt) / 1000;
  const left = rivals.filter(({ isOpen }) => isOpen).map(({ name }) => name);
  for (const rival of rivals) rival.close();
  await Bun.sleep(scale.peaceS * 1000);
  return { beganAt, endedAt, settledS, left, rivals: rivals.filter(({ isIn }) => isIn).length };
}

/** Devices that a node does not know to have one session, once it knows of one for each; or after some time. */
async function notOne({ host, port }: LoadNode, admin: string, devices: number): Promise<string[]> {
  const deadline = performance.now() + SETTLE_S * 1000;
  for (;;) {
    const response = await fetch(`http://${host}:${port}/api/connections/`, {
      headers: { authorization: `Bearer ${admin}` },
    });
    const { data } = (await response.json()) as { data: { connections: { device_id: number }[] } };
    const sessions = Array.from({ length: devices }, () => 0);
    for (const { device_id } of data.connections) sessions[device_id - 1] = (sessions[device_id - 1] ?? 0) + 1;
    const bad = sessions.flatMap((count, index) => (count === 1 ? [] : [`device ${index + 1}: ${count}`]));
    if (bad.length === 0 || performance.now() > deadline) return bad;
    await Bun.sleep(LOOK_MS);
  }
}

if (import.meta.main) {
  if (process.env[ISOLATED] === "1") await runScript(partitions);
  if (!(await canPartition())) {
    console.error("needs root, iproute2 and leave to make network namespaces");
    process.exit(2);
  }
  const again = Bun.spawn(["unshare", "-n", process.execPath, import.meta.path, ...process.argv.slice(2)], {
    env: { ...process.env, [ISOLATED]: "1" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => again.kill(signal));
  process.exit(await again.exited);
}
