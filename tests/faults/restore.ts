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
  await restoreOnce(report, "restored", { devices, overtaken: false, killed: false });
  await restoreOnce(report, "restored after kill -9", { devices, overtaken: false, killed: true });
  await restoreOnce(report, "restored and overtaken", { devices, overtaken: true, killed: false });
  await restoreOnce(report, "restored after kill -9 and overtaken", { devices, overtaken: true, killed: true });
  return report;
}

async function restoreOnce(
  report: Report,
  name: string,
  { devices, overtaken, killed }: { readonly devices: number; readonly overtaken: boolean; readonly killed: boolean },
): Promise<void> {
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
  await server.stop();
  const files = server.databaseFiles();
  for (const file of files) copyFileSync(file, `${file}.backup`);

  await server.serve();
  await fleet.connect();
  const acknowledged = await pushEach(AFTER, "after");
  await fleet.handles(devices * (BEFORE + AFTER), PATIENCE_MS);
  report.add(`${name}: acknowledged since the backup`, acknowledged, "", { equals: devices * AFTER });
  await fleet.stop();
  await (killed ? server.kill() : server.stop());
  for (const file of server.databaseFiles()) rmSync(file);
  for (const file of files) copyFileSync(`${file}.backup`, file);

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
