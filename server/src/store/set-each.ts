import { type Kysely, sql } from "kysely";
import type { Tables } from "./tables.ts";

/** Rows in one statement: few enough that what waits for the writer waits some milliseconds at most. */
const ROWS = 250;

/** Sets a moment of many rows, each to its own, a few hundred a statement: one by one, ten thousand would stop every other write for a second. */
export async function setEach(
  db: Kysely<Tables>,
  table: "token" | "device",
  column: "last_used_at" | "last_seen",
  moments: ReadonlyMap<number, number>,
): Promise<void> {
  const all = [...moments];
  for (let start = 0; start < all.length; start += ROWS) {
    const rows = all.slice(start, start + ROWS);
    // Numbers stand in the text: five hundred parameters would take longer to build than the statement to run.
    const cases = rows.map(([id, at]) => `when ${whole(id)} then cast(${whole(at)} as bigint)`);
    const ids = rows.map(([id]) => whole(id));
    const set = `update ${table} set ${column} = case id ${cases.join(" ")} end where id in (${ids.join()})`;
    await sql.raw(set).execute(db);
  }
}

function whole(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`);
  return String(value);
}
