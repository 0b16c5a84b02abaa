import { existsSync } from "node:fs";
import { newestMoment } from "@qy-lty/server/store/sqlite-inspection.ts";
import { type Finding, findings } from "./finding.ts";
import { pathOf } from "./paths.ts";

/** This program is not older than that. */
const EARLIEST = Date.UTC(2026, 0, 1);
/** What clocks may differ by and nobody minds, milliseconds. */
const TOLERANCE_MS = 60_000;
const ADVICE = "set the clock, and have it kept right (NTP): tokens and messages expire by it";

const { ok, fail } = findings("clock");

/** Whether the time can be true: not before this program was made, nor before what the database remembers. */
export function examineClock(url: string): Finding {
  const path = pathOf(url);
  return describeTime(Date.now(), existsSync(path) ? newestMoment(path) : null);
}

/** @param now, newest milliseconds since the epoch; `newest` null: nothing is remembered */
export function describeTime(now: number, newest: number | null): Finding {
  const time = new Date(now).toISOString();
  if (now < EARLIEST) return fail(`says ${time}, which is long past`, ADVICE);
  if (newest !== null && newest > now + TOLERANCE_MS) {
    return fail(`says ${time}, and the database knows of ${new Date(newest).toISOString()}`, ADVICE);
  }
  return ok(`says ${time}`);
}
