import { type Kysely, sql } from "kysely";
import { NODE_LOCKS } from "./0002-log-functions.ts";

/**
 * A consumer whose connections are at several nodes has one cursor, the least of what each of them says. Where a node
 * stands is kept beside its claim while others have a part in the consumer; when it goes, its part stays, under a number
 * that no living node has, until a connection joins anywhere and starts from there.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // A server that falls must not forget that somebody is behind.
  "ALTER TABLE attachment SET LOGGED",
  // Null: it does not hold the cursor back, being alone, or taken over.
  "ALTER TABLE attachment ADD COLUMN acked bigint",

  // Grows with each connection that a node's part begins anew for.
  "ALTER TABLE attachment ADD COLUMN started bigint NOT NULL DEFAULT 0",

  "DROP FUNCTION attachment_claim(bigint, bigint, text)",
  // A node takes a consumer. Which living nodes hold it, and whether any other has a part in it, or left one. Who claims at
  // once takes turns, so that the later sees the earlier.
  `CREATE FUNCTION attachment_claim(own bigint, for_user bigint, for_consumer text)
   RETURNS TABLE (claimed bigint, others bigint[], shared boolean) LANGUAGE plpgsql AS $$
   BEGIN
     -- Worth no wait for the disk.
     PERFORM set_config('synchronous_commit', 'off', true);
     PERFORM pg_advisory_xact_lock(hashtextextended(for_user || ' ' || for_consumer, 2));
     claimed := nextval('attachment_claim');
     others := ARRAY(
       SELECT node FROM attachment
       WHERE user_id = for_user AND consumer = for_consumer AND node <> own AND node IN (SELECT id FROM node));
     shared := EXISTS (
       SELECT 1 FROM attachment WHERE user_id = for_user AND consumer = for_consumer AND node <> own);
     INSERT INTO attachment(user_id, consumer, node, claim) VALUES (for_user, for_consumer, own, claimed)
     ON CONFLICT (user_id, consumer, node) DO UPDATE SET
       claim = excluded.claim, acked = CASE WHEN shared THEN attachment.acked END;
     RETURN NEXT;
   END $$`,

  // A connection is about to join that a consumer was claimed for: it starts where the cursor stands, and takes over what was
  // left. Where there are others, each has a part from then on; not if it is taken from them, `takeover`.
  `CREATE FUNCTION attachment_start(own bigint, for_user bigint, for_consumer text, takeover boolean)
   RETURNS TABLE (number bigint, start_after bigint) LANGUAGE plpgsql AS $$
   BEGIN
     -- Nobody moves the cursor meanwhile.
     PERFORM 1 FROM stream WHERE user_id = for_user FOR UPDATE;
     number := nextval('attachment_claim');
     start_after := coalesce((SELECT acked FROM cursor WHERE user_id = for_user AND consumer = for_consumer), 0);
     DELETE FROM attachment
     WHERE user_id = for_user AND consumer = for_consumer AND node <> own AND node NOT IN (SELECT id FROM node);
     UPDATE attachment SET acked = CASE WHEN NOT takeover THEN coalesce(acked, start_after) END
     WHERE user_id = for_user AND consumer = for_consumer AND node <> own;
     UPDATE attachment SET acked = start_after, started = number
     WHERE user_id = for_user AND consumer = for_consumer AND node = own;
     RETURN NEXT;
   END $$`,

  // It lets go of what it was not given again meanwhile. Where it has a part, that stays as it is for whoever starts next; but
  // where nobody else is left the cursor says it all.
  `CREATE OR REPLACE FUNCTION attachment_release(own bigint, user_ids bigint[], consumers text[], claims bigint[])
   RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM set_config('synchronous_commit', 'off', true);
     PERFORM 1 FROM stream WHERE user_id = ANY(user_ids) ORDER BY user_id FOR UPDATE;
     DELETE FROM attachment USING unnest(user_ids, consumers, claims) AS released(user_id, consumer, claim)
     WHERE attachment.node = own AND attachment.user_id = released.user_id AND attachment.consumer = released.consumer
       AND attachment.claim <= released.claim AND (attachment.acked IS NULL OR EXISTS (
         SELECT 1 FROM attachment AS kept
         WHERE kept.user_id = released.user_id AND kept.consumer = released.consumer AND kept.node = -own));
     UPDATE attachment SET node = -own
     FROM unnest(user_ids, consumers, claims) AS released(user_id, consumer, claim)
     WHERE attachment.node = own AND attachment.user_id = released.user_id
       AND attachment.consumer = released.consumer AND attachment.claim <= released.claim;
     DELETE FROM attachment USING unnest(user_ids, consumers) AS released(user_id, consumer)
     WHERE attachment.user_id = released.user_id AND attachment.consumer = released.consumer AND NOT EXISTS (
       SELECT 1 FROM attachment AS held JOIN node ON node.id = held.node
       WHERE held.user_id = released.user_id AND held.consumer = released.consumer);
   END $$`,

  "DROP FUNCTION attachment_restore(bigint, bigint[], text[], bigint[])",
  // A node that was cut off, and was `previous`, says again what it holds, under the claims by which it came to that, and up
  // to where it was acknowledged there. Of what was claimed by others meanwhile it is told.
  `CREATE FUNCTION attachment_restore(
     own bigint, previous bigint, user_ids bigint[], consumers text[], claims bigint[], ackeds bigint[]
   ) RETURNS TABLE (lost_user bigint, lost_consumer text, lost_claim bigint) LANGUAGE plpgsql AS $$
   DECLARE
     held record;
     stored bigint;
   BEGIN
     PERFORM 1 FROM stream WHERE user_id = ANY(user_ids) ORDER BY user_id FOR UPDATE;
     FOR held IN
       SELECT * FROM unnest(user_ids, consumers, claims, ackeds) AS said(user_id, consumer, claim, acked)
       ORDER BY said.user_id, said.consumer
     LOOP
       DELETE FROM attachment
       WHERE user_id = held.user_id AND consumer = held.consumer AND node IN (previous, -previous);
       SELECT max(attachment.claim) INTO lost_claim FROM attachment
       WHERE user_id = held.user_id AND consumer = held.consumer AND node <> own;
       stored := coalesce((SELECT acked FROM cursor WHERE user_id = held.user_id AND consumer = held.consumer), 0);
       UPDATE attachment SET acked = stored
       WHERE user_id = held.user_id AND consumer = held.consumer AND node <> own AND acked IS NULL;
       INSERT INTO attachment(user_id, consumer, node, claim, acked)
       -- Who takes a device over is alone with it.
       VALUES (held.user_id, held.consumer, own, held.claim, CASE
         WHEN lost_claim IS NOT NULL AND NOT (lost_claim > held.claim AND held.consumer LIKE 'device:%') THEN coalesce(held.acked, stored)
       END)
       ON CONFLICT (user_id, consumer, node) DO NOTHING;
       IF lost_claim > held.claim THEN
         lost_user := held.user_id;
         lost_consumer := held.consumer;
         RETURN NEXT;
       END IF;
     END LOOP;
   END $$`,

  `DROP FUNCTION log_save_cursors(bigint[], text[], text[], bigint[], bigint[], integer[], bigint[])`,
  // As before, and no further than any other node has acknowledged. What a node says from before it knew of a connection that
  // starts further back counts no further than that.
  `CREATE FUNCTION log_save_cursors(
     own bigint, user_ids bigint[], consumers text[], epochs text[], ackeds bigint[], sents bigint[],
     attempts_made integer[], last_seens bigint[], starts bigint[]
   ) RETURNS void LANGUAGE plpgsql AS $$
   DECLARE
     s stream%ROWTYPE;
     c record;
     part record;
     known bigint;
     up_to bigint;
   BEGIN
     PERFORM log_lock_streams(user_ids);
     PERFORM 1 FROM device
     WHERE id IN (SELECT substr(name, 8)::bigint FROM unnest(consumers) AS name WHERE name ~ '^device:[0-9]{1,18}$')
     ORDER BY id FOR SHARE;
     FOR c IN
       SELECT * FROM unnest(user_ids, consumers, epochs, ackeds, sents, attempts_made, last_seens, starts)
         AS saved(user_id, consumer, epoch, acked, sent, attempts, last_seen, started)
       ORDER BY saved.user_id, saved.consumer
     LOOP
       SELECT * INTO s FROM stream WHERE stream.user_id = c.user_id;
       CONTINUE WHEN NOT FOUND OR s.epoch <> c.epoch;
       CONTINUE WHEN c.consumer LIKE 'device:%' AND NOT EXISTS (
         SELECT 1 FROM device WHERE device.id = substr(c.consumer, 8)::bigint AND device.user_id = c.user_id);
       SELECT max(started) FILTER (WHERE node = own) AS started, max(acked) FILTER (WHERE node = own) AS acked,
         min(acked) FILTER (WHERE node <> own) AS others INTO part
       FROM attachment WHERE attachment.user_id = c.user_id AND attachment.consumer = c.consumer;
       up_to := least(c.acked, s.top);
       IF part.started > c.started THEN
         up_to := least(up_to, part.acked);
       ELSIF part.acked < up_to THEN
         UPDATE attachment SET acked = up_to
         WHERE attachment.user_id = c.user_id AND attachment.consumer = c.consumer AND attachment.node = own;
       END IF;
       up_to := least(up_to, part.others);
       SELECT cursor.acked INTO known FROM cursor WHERE cursor.user_id = c.user_id AND cursor.consumer = c.consumer;
       INSERT INTO cursor AS stored (user_id, consumer, epoch, acked, sent, attempts, last_seen)
       VALUES (c.user_id, c.consumer, c.epoch, up_to, c.sent, CASE WHEN up_to < c.acked THEN 0 ELSE c.attempts END, c.last_seen)
       ON CONFLICT (user_id, consumer) DO UPDATE SET
         acked = greatest(stored.acked, excluded.acked), sent = greatest(stored.sent, excluded.sent),
         attempts = CASE
           WHEN excluded.acked < stored.acked OR excluded.acked = stored.acked AND up_to < c.acked THEN stored.attempts
           ELSE excluded.attempts
         END,
         last_seen = greatest(stored.last_seen, excluded.last_seen)
       WHERE stored.epoch = excluded.epoch;
       IF FOUND AND up_to > s.acked AND up_to > coalesce(known, 0) THEN
         UPDATE stream SET acked = up_to WHERE user_id = c.user_id;
       END IF;
     END LOOP;
   END $$`,

  // As before, but that the part of a node that died stays where others have one: it may come back, as after a fall of the
  // server, which every node takes for its own. Whoever holds one of these rows just now looks for the dead itself.
  `CREATE OR REPLACE FUNCTION node_bury(own bigint) RETURNS boolean LANGUAGE plpgsql AS $$
   DECLARE
     died boolean;
   BEGIN
     DELETE FROM node WHERE id <> own AND pg_try_advisory_xact_lock_shared(${NODE_LOCKS}, id::integer);
     died := FOUND;
     IF NOT died AND own <> 0 THEN RETURN false; END IF;
     DELETE FROM session WHERE node NOT IN (SELECT id FROM node);
     DELETE FROM attachment WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM attachment WHERE acked IS NULL AND node NOT IN (SELECT id FROM node) FOR UPDATE SKIP LOCKED));
     IF died THEN
       UPDATE cursor SET sent = stream.top FROM stream
       WHERE stream.user_id = cursor.user_id AND cursor.sent < stream.top;
     END IF;
     RETURN died;
   END $$`,
];
