import { type Kysely, sql } from "kysely";
import { NODE_LOCKS } from "./0002-log-functions.ts";

/**
 * A node that was cut off may have come back without knowing that it counts as dead: until it has joined again it says
 * nothing of its connections, and what it left under its old number goes as it joins.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `CREATE OR REPLACE FUNCTION presence_save(
     own bigint, ids text[], user_ids bigint[], device_ids bigint[], roles text[], remotes text[], connected bigint[],
     active bigint[], gone text[]
   ) RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     IF NOT EXISTS (SELECT 1 FROM node WHERE id = own) THEN RETURN; END IF;
     -- Worth no wait for the disk.
     PERFORM set_config('synchronous_commit', 'off', true);
     DELETE FROM session WHERE id = ANY(gone) AND node = own;
     INSERT INTO session(id, node, user_id, device_id, role, remote, connected_at, last_activity)
     SELECT came.id, own, came.user_id, came.device_id, came.role, came.remote, came.connected, came.active
     FROM unnest(ids, user_ids, device_ids, roles, remotes, connected, active)
       AS came(id, user_id, device_id, role, remote, connected, active)
     ON CONFLICT (id) DO UPDATE SET node = excluded.node, last_activity = excluded.last_activity;
   END $$`,

  // Who joins looks for what is left of the dead whether or not one died just now.
  `CREATE OR REPLACE FUNCTION node_bury(own bigint) RETURNS boolean LANGUAGE plpgsql AS $$
   DECLARE
     died boolean;
   BEGIN
     DELETE FROM node WHERE id <> own AND pg_try_advisory_xact_lock_shared(${NODE_LOCKS}, id::integer);
     died := FOUND;
     IF NOT died AND own <> 0 THEN RETURN false; END IF;
     DELETE FROM session WHERE node NOT IN (SELECT id FROM node);
     DELETE FROM attachment WHERE node NOT IN (SELECT id FROM node);
     IF died THEN
       UPDATE cursor SET sent = stream.top FROM stream
       WHERE stream.user_id = cursor.user_id AND cursor.sent < stream.top;
     END IF;
     RETURN died;
   END $$`,
];
