/**
 * Every sync takes 20 ms longer: sockets that have nothing to do with the disk do not notice.
 *
 *     bun tests/faults/slow-disk.ts [--short] [--save NAME]
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildGenerator, faultOf, runGenerator } from "../../bench/src/wsload.ts";
import { FaultServer } from "./support/fault-server.ts";
import { Fleet, range } from "./support/fleet.ts";
import { ordersFor, pushAll } from "./support/push.ts";
import { Report, runScript } from "./support/report.ts";
import { canTrace, delayingSyncs } from "./support/tracer.ts";

const DELAY_MS = 20;
/** Who pings, and who is pushed to. */
const PINGING = 100;
const RECEIVING = 64;
const PINGS_PER_SECOND = 500;
const MAX_PING_MS = 10;

/** Pings beside durable pushes, on the usual disk and on the slow one. */
export async function slowDisk(short: boolean): Promise<Report> {
  if (!(await canTrace())) throw new Error("strace is needed, and leave to trace");
  const seconds = short ? 2 : 10;
  const report = new Report(`Every sync takes ${DELAY_MS} ms longer`);
  // Where other work shares the machine, the median still shows a loop that waits for the disk.
  const goals = short ? { p50: MAX_PING_MS, timesAtLeast: 1.5 } : { p99: MAX_PING_MS, timesAtLeast: 4 };
  await measure(report, "usual disk", seconds, {}, undefined);
  const perSecond = await measure(report, "slow disk", seconds, goals, () => delayingSyncs(DELAY_MS));
  // A sync for each push, one after another, would be fewer.
  report.add("slow disk: as many as without group commit", (perSecond * DELAY_MS) / 1000, "×", {
    atLeast: goals.timesAtLeast,
  });
  return report;
}

async function measure(
  report: Report,
  name: string,
  seconds: number,
  goals: { readonly p50?: number; readonly p99?: number },
  prefix: (() => readonly string[]) | undefined,
): Promise<number> {
  const people = PINGING + RECEIVING;
  await using server = await FaultServer.start({ people, ...(prefix && { prefix }) });
  const users = range(PINGING + 1, people);
  await using fleet = new Fleet(server, users);
  await fleet.connect();
  const tokens = join(server.folder, "pinging.txt");
  writeFileSync(tokens, server.tokens.slice(0, PINGING).join("\n"));
  const generator = await buildGenerator();

  let isOver = false;
  const pings = runGenerator(
    [
      ...[generator, "--url", `ws://127.0.0.1:${server.port}/ws/device/?token={token}`, "--tokens-file", tokens],
      ...["--mode", "rate", "--rate", String(PINGS_PER_SECOND), "--conns", String(PINGING), "--ignore-first", "1"],
      ...["--payload", '{"type":"ping","message":{}}', "--match", '"pong"', "--server-pid", String(server.pid)],
      ...["--warmup", "1", "--duration", String(seconds)],
    ],
    60_000,
  ).finally(() => {
    isOver = true;
  });
  const start = performance.now();
  const orders = function* () {
    for (const order of ordersFor(users, Number.MAX_SAFE_INTEGER, (n) => `{"n":${n}}`)) {
      if (isOver) return;
      yield order;
    }
  };
  const pushed = await pushAll(server, orders(), 16);
  const perSecond = pushed / ((performance.now() - start) / 1000);
  const { report: found } = await pings;
  const fault = faultOf(found);
  if (fault !== undefined) throw new Error(fault);
  await fleet.handles(pushed, 30_000);
  for (const share of ["p50", "p99"] as const) {
    const limit = goals[share];
    const goal = limit === undefined ? null : { atMost: limit };
    report.add(`${name}: ping ${share}`, (found.latency_us?.[share] ?? Number.NaN) / 1000, "ms", goal);
  }
  report.add(`${name}: durable pushes over 16 connections`, perSecond, "2xx/s");
  report.add(`${name}: of these not delivered`, pushed - fleet.handled, "", { equals: 0 });
  fleet.addTo(report);
  return perSecond;
}

if (import.meta.main) await runScript(slowDisk);
