import { type Kysely, sql } from "kysely";

/** A node that was cut off says again what it holds, under the claims by which it came to that. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `CREATE FUNCTION attachment_restore(own bigint, user_ids bigint[], consumers text[], claims bigint[])
       RETURNS TABLE (lost_user bigint, lost_consumer text, lost_claim bigint) LANGUAGE plpgsql AS $$
       BEGIN
         PERFORM set_config('synchronous_commit', 'off', true);
         INSERT INTO attachment(user_id, consumer, node, claim)
         SELECT held.user_id, held.consumer, own, held.claim
         FROM unnest(user_ids, consumers, claims) AS held(user_id, consumer, claim)
         ON CONFLICT (user_id, consumer, node) DO NOTHING;
         -- What was claimed by others meanwhile.
         RETURN QUERY
         SELECT held.user_id, held.consumer, max(attachment.claim)
         FROM unnest(user_ids, consumers, claims) AS held(user_id, consumer, claim)
         JOIN attachment ON attachment.user_id = held.user_id AND attachment.consumer = held.consumer
         WHERE attachment.node <> own AND attachment.claim > held.claim
         GROUP BY held.user_id, held.consumer;
       END $$`,
    )
    .execute(db);
}
