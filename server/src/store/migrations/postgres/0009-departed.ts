import { type Kysely, sql } from "kysely";
import { NODE_LOCKS } from "./0002-log-functions.ts";

/** Which devices were connected to nodes that died: whoever takes them from here says so to their owners' apps. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  "CREATE UNLOGGED TABLE departed (device_id bigint PRIMARY KEY, user_id bigint NOT NULL)",

  // As before, and what it takes from `session` is noted.
  `CREATE OR REPLACE FUNCTION node_bury(own bigint) RETURNS boolean LANGUAGE plpgsql AS $$
   DECLARE
     died boolean;
   BEGIN
     DELETE FROM node WHERE id <> own AND pg_try_advisory_xact_lock_shared(${NODE_LOCKS}, id::integer);
     died := FOUND;
     IF NOT died AND own <> 0 THEN RETURN false; END IF;
     WITH gone AS (
       DELETE FROM session WHERE node NOT IN (SELECT id FROM node) RETURNING device_id, user_id
     )
     INSERT INTO departed(device_id, user_id)
     SELECT device_id, max(user_id) FROM gone WHERE device_id IS NOT NULL AND user_id IS NOT NULL
     GROUP BY device_id ORDER BY device_id
     ON CONFLICT (device_id) DO UPDATE SET user_id = excluded.user_id;
     DELETE FROM attachment WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM attachment WHERE acked IS NULL AND node NOT IN (SELECT id FROM node) FOR UPDATE SKIP LOCKED));
     IF died THEN
       UPDATE cursor SET sent = stream.top FROM stream
       WHERE stream.user_id = cursor.user_id AND cursor.sent < stream.top;
     END IF;
     RETURN died;
   END $$`,
];
