import { type Kysely, sql } from "kysely";

/** Who changed what, and the idempotency keys of queued frames. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // `who` and `subject` name things by id, never by what they hold; they outlive what they name.
  `CREATE TABLE audit (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     at bigint NOT NULL,
     who text NOT NULL,
     what text NOT NULL,
     subject text NOT NULL,
     request_id text
   )`,
  `CREATE TABLE queue_key (
     caller text COLLATE "C" NOT NULL,
     key text COLLATE "C" NOT NULL,
     fingerprint text NOT NULL,
     size bigint NOT NULL,
     created_at bigint NOT NULL,
     PRIMARY KEY (caller, key)
   )`,
  "CREATE INDEX queue_key_age ON queue_key(created_at)",
  // The row of `queue_size` is the queue's lock: one key that is asked for at once is seen by the second.
  `CREATE FUNCTION queue_enqueue(
     user_ids bigint[], frames text[], created bigint[], callers text[], keys text[], fingerprints text[],
     capacity bigint, key_ms bigint
   ) RETURNS TABLE (out_kind text, out_size bigint) LANGUAGE plpgsql AS $$
   #variable_conflict use_variable
   DECLARE
     waiting_now bigint;
     seen queue_key%ROWTYPE;
   BEGIN
     SELECT waiting INTO waiting_now FROM queue_size FOR UPDATE;
     FOR i IN 1 .. cardinality(user_ids) LOOP
       out_size := NULL;
       IF keys[i] IS NOT NULL THEN
         DELETE FROM queue_key WHERE created_at <= created[i] - key_ms;
         SELECT * INTO seen FROM queue_key WHERE caller = callers[i] AND key = keys[i];
         IF FOUND THEN
           IF seen.fingerprint = fingerprints[i] THEN
             out_kind := 'duplicate'; out_size := seen.size;
           ELSE
             out_kind := 'conflict';
           END IF;
           RETURN NEXT; CONTINUE;
         END IF;
       END IF;
       IF NOT EXISTS (SELECT 1 FROM "user" WHERE id = user_ids[i]) THEN
         out_kind := 'no-user';
       ELSIF waiting_now >= capacity THEN
         out_kind := 'full';
       ELSE
         INSERT INTO queue(user_id, frame, created_at) VALUES (user_ids[i], frames[i], created[i]);
         waiting_now := waiting_now + 1;
         out_kind := 'queued';
         out_size := waiting_now;
         IF keys[i] IS NOT NULL THEN
           INSERT INTO queue_key(caller, key, fingerprint, size, created_at)
           VALUES (callers[i], keys[i], fingerprints[i], waiting_now, created[i]);
         END IF;
       END IF;
       RETURN NEXT;
     END LOOP;
     UPDATE queue_size SET waiting = waiting_now;
   END $$`,
];
