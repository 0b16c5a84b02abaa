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
    const cases = rows.map(([id, at]) => sql`when ${id} then cast(${at} as bigint)`);
    const ids = rows.map(([id]) => id);
    await sql`
      update ${sql.table(table)} set ${sql.ref(column)} = case id ${sql.join(cases, sql` `)} end
      where id in (${sql.join(ids)})
    `.execute(db);
  }
}
