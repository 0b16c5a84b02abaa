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

const DEVICES = 100;
/** Messages of each device before the backup, after it, and after the restore: 1,000 and 2,000 in all. */
const BEFORE = 10;
const AFTER = 10;
const SINCE = 20;
const PATIENCE_MS = 30_000;

/** Restores backups in each way; the report's figures are how many devices were told. */
export async function restore(_short: boolean): Promise<Report> {
  const report = new Report(`A restored backup of before ${DEVICES * AFTER} acknowledged messages, ${DEVICES} devices`);
  await restoreOnce(report, "restored", { overtaken: false, killed: false });
  await restoreOnce(report, "restored after kill -9", { overtaken: false, killed: true });
  await restoreOnce(report, "restored and overtaken", { overtaken: true, killed: false });
  await restoreOnce(report, "restored after kill -9 and overtaken", { overtaken: true, killed: true });
  return report;
}

async function restoreOnce(
  report: Report,
  name: string,
  { overtaken, killed }: { readonly overtaken: boolean; readonly killed: boolean },
): Promise<void> {
  const users = range(1, DEVICES);
  await using server = await FaultServer.start({ people: DEVICES });
  await using fleet = new Fleet(server, users);
  const pushEach = (each: number, what: string) =>
    pushAll(
      server,
      ordersFor(users, each, (n) => `"${what} ${n}"`),
    );
  await fleet.connect();
  await pushEach(BEFORE, "before");
  await fleet.handles(DEVICES * BEFORE, PATIENCE_MS);
  await fleet.stop();
  await server.stop();
  const files = server.databaseFiles();
  for (const file of files) copyFileSync(file, `${file}.backup`);

  await server.serve();
  await fleet.connect();
  const acknowledged = await pushEach(AFTER, "after");
  await fleet.handles(DEVICES * (BEFORE + AFTER), PATIENCE_MS);
  report.add(`${name}: acknowledged since the backup`, acknowledged, "", { equals: DEVICES * AFTER });
  await fleet.stop();
  await (killed ? server.kill() : server.stop());
  for (const file of server.databaseFiles()) rmSync(file);
  for (const file of files) copyFileSync(`${file}.backup`, file);

  await server.serve();
  const handled = fleet.handled;
  const since = overtaken ? await pushEach(SINCE, "since") : 0;
  await fleet.connect();
  if (!overtaken) await pushEach(1, "since");
  const expected = overtaken ? since : DEVICES;
  await fleet.handles(handled + expected, PATIENCE_MS);
  const told = new Set(fleet.record.resets.map(({ client }) => client));
  if (overtaken) report.add(`${name}: accepted before the devices returned`, since, "", { equals: DEVICES * SINCE });
  report.add(`${name}: devices that got a reset`, told.size, "", { equals: DEVICES });
  report.add(`${name}: resets in all`, fleet.record.resets.length, "", { equals: DEVICES });
  report.add(`${name}: accepted since the restore and handled`, fleet.handled - handled, "", { equals: expected });
  fleet.addTo(report);
}

if (import.meta.main) await runScript(restore);
