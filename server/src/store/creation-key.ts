import { GatewayError } from "@qy-lty/protocol";
import type { Transaction } from "kysely";
import type { Idempotency } from "./log-store.ts";
import type { Tables } from "./tables.ts";

/** Keys are kept for so long, milliseconds. */
export const CREATION_KEY_MS = 24 * 3_600_000;

/** What was asked for: made now, or once before under the same key. */
export interface Made<Row> {
  readonly row: Row;
  readonly isNew: boolean;
}

/** How a thing is made, and found again. */
export interface Making<Row extends { readonly id: number }> {
  create(db: Transaction<Tables>): Promise<Row>;
  find(db: Transaction<Tables>, id: number): Promise<Row | undefined>;
}

/**
 * Makes a thing once per key of its caller: the same key answers what was made first, as it is now. The key is taken before
 * anything is made, so that of two who ask at once the second waits for the first, or finds what it made.
 * @param now milliseconds since the epoch
 * @throws GatewayError `CONFLICT` when the key was used for something else, or what it made has been erased
 */
export async function makeOnce<Row extends { readonly id: number }>(
  db: Transaction<Tables>,
  idempotency: Idempotency | null,
  now: number,
  { create, find }: Making<Row>,
): Promise<Made<Row>> {
  if (idempotency === null) return { row: await create(db), isNew: true };
  const { caller, key, fingerprint } = idempotency;
  await db
    .deleteFrom("creation_key")
    .where("created_at", "<=", now - CREATION_KEY_MS)
    .execute();
  const taken = await db
    .insertInto("creation_key")
    .values({ caller, key, fingerprint, subject_id: 0, created_at: now })
    .onConflict((conflict) => conflict.columns(["caller", "key"]).doNothing())
    .returning("key")
    .executeTakeFirst();
  const ofCaller = { caller, key };
  if (taken === undefined) {
    const seen = await db
      .selectFrom("creation_key")
      .selectAll()
      .where((expression) => expression.and(ofCaller))
      .executeTakeFirstOrThrow();
    if (seen.fingerprint !== fingerprint) throw keyConflict();
    const row = await find(db, seen.subject_id);
    if (row === undefined) throw new GatewayError("CONFLICT", "what this idempotency key made has been erased");
    return { row, isNew: false };
  }
  const row = await create(db);
  await db
    .updateTable("creation_key")
    .set({ subject_id: row.id })
    .where((expression) => expression.and(ofCaller))
    .execute();
  return { row, isNew: true };
}

/** What a caller is told whose key was used for something else. */
export function keyConflict(): GatewayError {
  return new GatewayError("CONFLICT", "this idempotency key was used for another request");
}
