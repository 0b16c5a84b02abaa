import { type Kysely, sql } from "kysely";

/** The message queue: frames that wait to be pushed, and those that never could be. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const STATEMENTS = [
  // An entry with a `reason` was set aside at `failed_at`. Ids are never used again: they name a push that happens once.
  `CREATE TABLE queue (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     user_id bigint NOT NULL,
     frame text NOT NULL,
     created_at bigint NOT NULL,
     reason text,
     failed_at bigint
   )`,
  "CREATE INDEX queue_user ON queue(user_id)",
  "CREATE INDEX queue_set_aside ON queue(id) WHERE reason IS NOT NULL",
  // How many there are of each: every answer says it. Its row is the lock of the queue, too: who adds entries holds it until
  // they show, so that ids show in order.
  "CREATE TABLE queue_size (id integer PRIMARY KEY CHECK (id = 1), waiting bigint NOT NULL, set_aside bigint NOT NULL)",
  "INSERT INTO queue_size(id, waiting, set_aside) VALUES (1, 0, 0)",

  `CREATE FUNCTION queue_remove(ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM 1 FROM queue_size FOR UPDATE;
     WITH gone AS (DELETE FROM queue WHERE id = ANY(ids) RETURNING reason)
     UPDATE queue_size SET
       waiting = waiting - (SELECT count(*) FROM gone WHERE reason IS NULL),
       set_aside = set_aside - (SELECT count(*) FROM gone WHERE reason IS NOT NULL);
   END $$`,
  `CREATE FUNCTION queue_set_aside(entry bigint, why text, at bigint, kept bigint) RETURNS void LANGUAGE plpgsql AS $$
   DECLARE
     added bigint;
     trimmed bigint;
   BEGIN
     PERFORM 1 FROM queue_size FOR UPDATE;
     UPDATE queue SET reason = why, failed_at = at WHERE id = entry AND reason IS NULL;
     GET DIAGNOSTICS added = ROW_COUNT;
     DELETE FROM queue WHERE reason IS NOT NULL AND id <= (
       SELECT id FROM queue WHERE reason IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET kept);
     GET DIAGNOSTICS trimmed = ROW_COUNT;
     UPDATE queue_size SET waiting = waiting - added, set_aside = set_aside + added - trimmed;
   END $$`,
  `CREATE FUNCTION queue_clear() RETURNS void LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM 1 FROM queue_size FOR UPDATE;
     DELETE FROM queue;
     UPDATE queue_size SET waiting = 0, set_aside = 0;
   END $$`,
  // Of an erased user nothing stays but that there was something.
  `CREATE FUNCTION queue_user_erased() RETURNS trigger LANGUAGE plpgsql AS $$
   DECLARE
     failed bigint;
   BEGIN
     PERFORM 1 FROM queue_size FOR UPDATE;
     SELECT count(*) INTO failed FROM queue WHERE user_id = old.id AND reason IS NULL;
     UPDATE queue SET frame = 'null', reason = coalesce(reason, 'user erased'), failed_at = coalesce(failed_at, ${NOW_MS})
     WHERE user_id = old.id;
     UPDATE queue_size SET waiting = waiting - failed, set_aside = set_aside + failed;
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER queue_user_erased AFTER DELETE ON "user" FOR EACH ROW EXECUTE FUNCTION queue_user_erased()`,
];
