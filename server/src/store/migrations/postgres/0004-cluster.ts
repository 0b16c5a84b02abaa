import { type Kysely, sql } from "kysely";
import { NODE_LOCKS } from "./0002-log-functions.ts";

/** Who is connected where. Not logged: a server that falls takes it along, and the nodes say it again. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `CREATE UNLOGGED TABLE session (
     id text COLLATE "C" PRIMARY KEY,
     node bigint NOT NULL,
     user_id bigint,
     device_id bigint,
     role text NOT NULL,
     remote text NOT NULL,
     connected_at bigint NOT NULL,
     last_activity bigint NOT NULL
   ) WITH (fillfactor = 80)`,
  "CREATE INDEX session_of_node ON session(node)",
  "CREATE INDEX session_of_user ON session(user_id)",
  "CREATE INDEX session_of_device ON session(device_id)",
  // The node that holds a consumer's cursor in memory, and the number of the claim by which it came to that.
  `CREATE UNLOGGED TABLE attachment (
     user_id bigint NOT NULL,
     consumer text COLLATE "C" NOT NULL,
     node bigint NOT NULL,
     claim bigint NOT NULL,
     PRIMARY KEY (user_id, consumer, node)
   ) WITH (fillfactor = 80)`,
  "CREATE SEQUENCE attachment_claim",

  // Connections that came, and those that are no more.
  `CREATE FUNCTION presence_save(
     own bigint, ids text[], user_ids bigint[], device_ids bigint[], roles text[], remotes text[], connected bigint[],
     active bigint[], gone text[]
   ) RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     -- Worth no wait for the disk.
     PERFORM set_config('synchronous_commit', 'off', true);
     DELETE FROM session WHERE id = ANY(gone) AND node = own;
     INSERT INTO session(id, node, user_id, device_id, role, remote, connected_at, last_activity)
     SELECT came.id, own, came.user_id, came.device_id, came.role, came.remote, came.connected, came.active
     FROM unnest(ids, user_ids, device_ids, roles, remotes, connected, active)
       AS came(id, user_id, device_id, role, remote, connected, active)
     ON CONFLICT (id) DO UPDATE SET node = excluded.node, last_activity = excluded.last_activity;
   END $$`,

  // A node takes a consumer: which other nodes hold it? Who claims at once takes turns, so that the later sees the earlier.
  `CREATE FUNCTION attachment_claim(own bigint, for_user bigint, for_consumer text)
   RETURNS TABLE (claimed bigint, others bigint[]) LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM set_config('synchronous_commit', 'off', true);
     PERFORM pg_advisory_xact_lock(hashtextextended(for_user || ' ' || for_consumer, 2));
     claimed := nextval('attachment_claim');
     INSERT INTO attachment(user_id, consumer, node, claim) VALUES (for_user, for_consumer, own, claimed)
     ON CONFLICT (user_id, consumer, node) DO UPDATE SET claim = excluded.claim;
     others := ARRAY(SELECT node FROM attachment WHERE user_id = for_user AND consumer = for_consumer AND node <> own);
     RETURN NEXT;
   END $$`,
  // It lets go of what it was not given again meanwhile.
  `CREATE FUNCTION attachment_release(own bigint, user_ids bigint[], consumers text[], claims bigint[])
   RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM set_config('synchronous_commit', 'off', true);
     DELETE FROM attachment USING unnest(user_ids, consumers, claims) AS released(user_id, consumer, claim)
     WHERE attachment.node = own AND attachment.user_id = released.user_id
       AND attachment.consumer = released.consumer AND attachment.claim <= released.claim;
   END $$`,

  // As before, and what a node was connected to goes with it.
  `CREATE OR REPLACE FUNCTION node_bury(own bigint) RETURNS boolean LANGUAGE plpgsql AS $$
   BEGIN
     DELETE FROM node WHERE id <> own AND pg_try_advisory_xact_lock_shared(${NODE_LOCKS}, id::integer);
     IF NOT FOUND THEN RETURN false; END IF;
     DELETE FROM session WHERE node NOT IN (SELECT id FROM node);
     DELETE FROM attachment WHERE node NOT IN (SELECT id FROM node);
     UPDATE cursor SET sent = stream.top FROM stream
     WHERE stream.user_id = cursor.user_id AND cursor.sent < stream.top;
     RETURN true;
   END $$`,
];
