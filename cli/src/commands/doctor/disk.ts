import { statfsSync } from "node:fs";
import { type Finding, findings } from "./finding.ts";
import { existingFolderOf, pathOf } from "./paths.ts";

const MIB = 1024 * 1024;
/** A few users' full logs (16 MiB each) and the file beside the database. */
const TOO_LITTLE = 100 * MIB;
const LITTLE = 1024 * MIB;
const ADVICE = "free some, or move the database (LTY_DATABASE_URL); when it is full, pushes are refused with 503";

const { ok, warn, fail } = findings("disk");

/** Whether there is room where the database is. */
export function examineDisk(url: string): Finding {
  const folder = existingFolderOf(pathOf(url));
  const { bavail, bsize } = statfsSync(folder);
  return describeRoom(bavail * bsize, folder);
}

/** @param free bytes */
export function describeRoom(free: number, folder: string): Finding {
  const detail = `${free >= 1024 * MIB ? `${(free / 1024 / MIB).toFixed(1)} GiB` : `${Math.floor(free / MIB)} MiB`} are free at ${folder}`;
  if (free < TOO_LITTLE) return fail(detail, ADVICE);
  return free < LITTLE ? warn(detail, ADVICE) : ok(detail);
}
