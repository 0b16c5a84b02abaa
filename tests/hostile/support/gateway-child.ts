/**
 * A gateway with the real store and transport, as `lty serve` puts it together, in a process of its own that also answers
 * what no gateway tells: its memory after a collection, its longest stall, what is left of its objects.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway } from "@qy-lty/server";
import { loadConfig } from "@qy-lty/server/config/load.ts";
import { createLogger } from "@qy-lty/server/observe/log.ts";
import { SystemClock } from "@qy-lty/server/platform/clock.ts";
import { SqliteStore } from "@qy-lty/server/store/sqlite.ts";
import { BunTransport } from "@qy-lty/server/transport/bun.ts";
import { LoopWatch, type Stall } from "./loop-watch.ts";

/** What the parent asks for. */
export type Question = { readonly ask: "measure" | "census" };

/** Somebody with a token. */
export interface Holder {
  readonly userId: number;
  readonly userToken: string;
  readonly deviceToken: string;
}

/** How the process fares. */
export interface Measure {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly stall: Stall;
  /** Lines of the log from the level of an error up, and what nobody caught. */
  readonly errors: readonly string[];
}

/** What is left: the gateway's own gauges, and its objects by the names of their classes. */
export type Census = Readonly<Record<string, number>>;

/** What the child says: first that it is ready, then an answer to each question. */
export type Said =
  | { readonly said: "ready"; readonly url: string; readonly holders: readonly Holder[] }
  | { readonly said: "measure"; readonly measure: Measure }
  | { readonly said: "census"; readonly census: Census };

const ERROR_LEVEL = 50;
const MAX_ERRORS = 20;
/** One for each socket, principal or consumer that the gateway still knows of. */
const COUNTED = [
  "Session",
  "SocketConnection",
  "Consumer",
  "RestingFeed",
  "Pump",
  "AcknowledgedFeed",
  "PongedFeed",
  "CallContext",
  "Inbox",
  "Meter",
];

const errors: string[] = [];
const note = (error: string) => {
  if (errors.length < MAX_ERRORS) errors.push(error);
};
process.on("unhandledRejection", (error) => note(`unhandled rejection: ${Bun.inspect(error)}`));
process.on("uncaughtException", (error) => note(`uncaught exception: ${Bun.inspect(error)}`));

const folder = mkdtempSync(join(tmpdir(), "lty-hostile-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
// Whatever becomes of the parent, this does not outlive it.
process.on("disconnect", () => process.exit(0));

const config = loadConfig({
  LTY_PORT: "0",
  LTY_WEATHER_PROVIDER: "fixed",
  LTY_DATABASE_URL: `sqlite:${join(folder, "lty.db")}`,
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("LTY_"))),
});
const log = createLogger(config.logLevel, false, {
  write: (line: string) => {
    if ((JSON.parse(line) as { level: number }).level >= ERROR_LEVEL) note(line);
  },
});
const clock = new SystemClock();
const store = await SqliteStore.open(config.databaseUrl, clock, { threaded: true });
const gateway = new Gateway({ config, store, transport: new BunTransport(), clock, log });
const url = await gateway.start();
const watch = new LoopWatch();

/** Collections, a little apart: the allocator gives pages back about a second after they were freed. */
const COLLECTIONS = 5;
const APART_MS = 300;

const answers: Record<Question["ask"], () => Said | Promise<Said>> = {
  measure: async () => {
    const stall = watch.take();
    let [rssBytes, heapBytes] = [Number.POSITIVE_INFINITY, 0];
    for (let collection = 0; collection < COLLECTIONS; collection++) {
      Bun.gc(true);
      await Bun.sleep(APART_MS);
      const { rss, heapUsed } = process.memoryUsage();
      rssBytes = Math.min(rssBytes, rss);
      heapBytes = heapUsed;
    }
    // Of the collections' own stalls nobody wants to know.
    watch.take();
    return { said: "measure", measure: { rssBytes, heapBytes, stall, errors } };
  },
  census: () => {
    Bun.gc(true);
    const { nodes, nodeClassNames } = Bun.generateHeapSnapshot();
    const counts = new Map(COUNTED.map((name) => [name, 0]));
    for (let at = 2; at < nodes.length; at += 4) {
      const name = nodeClassNames[nodes[at] ?? -1] ?? "";
      const count = counts.get(name);
      if (count !== undefined) counts.set(name, count + 1);
    }
    const { size, sockets, users, devices } = gateway.registry;
    const gauges = { size, sockets, userTopics: users.size, deviceTopics: devices.size };
    watch.forgive();
    return { said: "census", census: { ...gauges, ...Object.fromEntries(counts) } };
  },
};

const say = (said: Said) => process.send?.(said);
process.on("message", async ({ ask }: Question) => say(await answers[ask]()));

const holders: Holder[] = [];
for (let index = 0; index < Number(process.argv[2] ?? 1); index++) {
  const user = await store.users.create({ username: `user-${index}` });
  const device = await store.devices.create({ name: `device-${index}`, userId: user.id, isPrimary: true });
  const userToken = (await store.tokens.issue({ kind: "user", id: user.id }, null)).token;
  const deviceToken = (await store.tokens.issue({ kind: "device", id: device.id }, null)).token;
  holders.push({ userId: user.id, userToken, deviceToken });
}
say({ said: "ready", url, holders });
