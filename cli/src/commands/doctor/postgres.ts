import { maskUserinfo } from "@qy-lty/server/config/load.ts";
import { inspectPostgres, type PostgresInspection } from "@qy-lty/server/store/postgres-inspection.ts";
import { postgresName } from "@qy-lty/server/store/postgres-schema.ts";
import { StoreError } from "@qy-lty/server/store/store.ts";
import { describeTime } from "./clock.ts";
import { type Finding, findings } from "./finding.ts";

/** What two clocks may differ by and nobody minds, milliseconds. */
const TOLERANCE_MS = 1_000;
const CHECK = "database";

/** Whether the server can be reached, is new enough, durable, and takes writes. Changes nothing in it. */
export async function examinePostgres(url: string): Promise<Finding> {
  const { ok, warn, fail } = findings(CHECK);
  const name = postgresName(url);
  const found = await look(url);
  if (found instanceof StoreError) {
    return fail(
      maskUserinfo(found.message),
      "check LTY_DATABASE_URL, and that the server listens and lets this user in",
    );
  }
  if (!found.takesWrites) return fail(`${name} is read-only`, "point LTY_DATABASE_URL at the primary server");
  if (!found.isDurable) {
    return fail(`${name} runs with fsync=off: what it says is stored may be lost`, "set fsync=on in its configuration");
  }
  if (found.pendingMigrations > 0)
    return warn(`${name} is of an older version`, "`lty migrate` or the next start brings it up to date");
  return ok(`${name} (PostgreSQL ${found.version}) answers in ${Math.ceil(found.answersInMs)} ms, and takes writes`);
}

/** Whether this machine's clock and the server's agree. */
export async function examinePostgresClock(url: string): Promise<Finding> {
  const found = await look(url);
  const now = Date.now();
  const plain = describeTime(now, null);
  if (plain.status !== "ok" || found instanceof StoreError) return plain;
  const apart = Math.abs(found.clockAheadMs) - found.answersInMs;
  if (apart <= TOLERANCE_MS) return plain;
  const { warn } = findings("clock");
  return warn(
    `and the database's clock are ${(apart / 1000).toFixed(1)} s apart`,
    "have both kept right (NTP): tokens and messages expire by them",
  );
}

async function look(url: string): Promise<PostgresInspection | StoreError> {
  try {
    return await inspectPostgres(url);
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}
