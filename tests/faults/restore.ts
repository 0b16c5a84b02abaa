/**
 * A backup is restored that is older than what devices have acknowledged: no device may stay silent about it.
 *
 *     bun tests/faults/restore.ts [--short] [--save NAME]
 */
import { copyFileSync, rmSync } from "node:fs";
import { FaultServer } from "./support/fault-server.ts";
import { Fleet, range } from "./support/fleet.ts";
import { ordersFor, pushAll } from "./support/push.ts";
import { Report, runScript } from "./support/report.ts";

const LONG = 100;
const SHORT = 20;
/** Messages of each device before the backup, after it, and after the restore: 1,000 and 2,000 in all in the long form. */
const BEFORE = 10;
const AFTER = 10;
const SINCE = 20;
const PATIENCE_MS = 30_000;

/** Restores backups in each way; the report's figures are how many devices were told. */
export async function restore(short: boolean): Promise<Report> {
  const devices = short ? SHORT : LONG;
  const report = new Report(`A restored backup of before ${devices * AFTER} acknowledged messages, ${devices} devices`);
  for (const overtaken of [false, true]) {
    const and = overtaken ? " and overtaken" : "";
    await restoreOnce(report, `files copied and put back${and}`, { devices, overtaken, killed: false, live: false });
    await restoreOnce(report, `put back after kill -9${and}`, { devices, overtaken, killed: true, live: false });
    await restoreOnce(report, `lty backup, restored${and}`, { devices, overtaken, killed: true, live: true });
  }
  return report;
}

interface Way {
  readonly devices: number;
  /** More is accepted before the devices return than they had acknowledged since the backup. */
  readonly overtaken: boolean;
  readonly killed: boolean;
  /** The backup is made by `lty backup` beside the running server; else its files are copied while it is stopped. */
  readonly live: boolean;
}

async function restoreOnce(report: Report, name: string, way: Way): Promise<void> {
  const { devices, overtaken, killed, live } = way;
  const users = range(1, devices);
  await using server = await FaultServer.start({ people: devices });
  await using fleet = new Fleet(server, users);
  const pushEach = (each: number, what: string) =>
    pushAll(
      server,
      ordersFor(users, each, (n) => `"${what} ${n}"`),
    );
  await fleet.connect();
  await pushEach(BEFORE, "before");
  await fleet.handles(devices * BEFORE, PATIENCE_MS);
  await fleet.stop();
  const backup = `${server.database}.backup`;
  let copied: readonly string[] = [server.database];
  if (live) await server.lty("backup", backup);
  else {
    await server.stop();
    copied = server.databaseFiles();
    for (const file of copied) copyFileSync(file, `${file}.backup`);
    await server.serve();
  }
  await fleet.connect();
  const acknowledged = await pushEach(AFTER, "after");
  await fleet.handles(devices * (BEFORE + AFTER), PATIENCE_MS);
  report.add(`${name}: acknowledged since the backup`, acknowledged, "", { equals: devices * AFTER });
  await fleet.stop();
  await (killed ? server.kill() : server.stop());
  for (const file of server.databaseFiles()) rmSync(file);
  for (const file of copied) copyFileSync(`${file}.backup`, file);

  await server.serve();
  const handled = fleet.handled;
  const since = overtaken ? await pushEach(SINCE, "since") : 0;
  await fleet.connect();
  if (!overtaken) await pushEach(1, "since");
  const expected = overtaken ? since : devices;
  await fleet.handles(handled + expected, PATIENCE_MS);
  const told = new Set(fleet.record.resets.map(({ client }) => client));
  if (overtaken) report.add(`${name}: accepted before the devices returned`, since, "", { equals: devices * SINCE });
  report.add(`${name}: devices that got a reset`, told.size, "", { equals: devices });
  report.add(`${name}: resets in all`, fleet.record.resets.length, "", { equals: devices });
  report.add(`${name}: accepted since the restore and handled`, fleet.handled - handled, "", { equals: expected });
  fleet.addTo(report);
}

if (import.meta.main) await runScript(restore);
