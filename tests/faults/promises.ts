/**
 * What is promised to whoever pushes and to whoever owns a credential, each shown at real sockets: one key makes one
 * message, a revocation ends what it concerns, a long handler runs once, a client of the original document misses nothing.
 *
 *     npm run test:promises [-- --short] [-- --save NAME]
 */

import { idempotency } from "./promises/idempotency.ts";
import { longHandler } from "./promises/long-handler.ts";
import { originalClient } from "./promises/original.ts";
import { quota } from "./promises/quota.ts";
import { revocation } from "./promises/revocation.ts";
import { FaultServer } from "./support/fault-server.ts";
import { Report, runScript } from "./support/report.ts";

/** Users of the server: one for each thing that is looked at. */
const PEOPLE = 8;

/** Looks at each promise; the report has a row for each part of it. */
export async function promises(short: boolean): Promise<Report> {
  const report = new Report("What is promised to senders, owners and clients");
  await using server = await FaultServer.start({ people: PEOPLE });
  await idempotency(report, server, 1);
  await originalClient(report, server, 2);
  await revocation(report, server, 3, { rounds: short ? 1 : 10, timed: !short });
  await quota(report, server, 4);
  await longHandler(report);
  return report;
}

if (import.meta.main) await runScript(promises);
