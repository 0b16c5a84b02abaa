import { type Kysely, sql } from "kysely";

/** The idempotency keys of users and devices that were made, and an erasure that leaves no key and no message behind. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `CREATE TABLE creation_key (
     caller text COLLATE "C" NOT NULL,
     key text COLLATE "C" NOT NULL,
     fingerprint text NOT NULL,
     subject_id bigint NOT NULL,
     created_at bigint NOT NULL,
     PRIMARY KEY (caller, key)
   )`,
  "CREATE INDEX creation_key_age ON creation_key(created_at)",
  // A device's messages also stand in the logs of those who had it before.
  "DROP INDEX message_device",
  "CREATE INDEX message_device ON message(device_id) WHERE device_id IS NOT NULL",
  `CREATE FUNCTION device_erased_whole() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     DELETE FROM message WHERE device_id = old.id;
     ${deleteKeysOf("device")}
     RETURN NULL;
   END $$`,
  "CREATE TRIGGER device_erased_whole AFTER DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_erased_whole()",
  `CREATE FUNCTION user_keys_erased() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     ${deleteKeysOf("user")}
     RETURN NULL;
   END $$`,
  `CREATE TRIGGER user_keys_erased AFTER DELETE ON "user" FOR EACH ROW EXECUTE FUNCTION user_keys_erased()`,
];

function deleteKeysOf(kind: string): string {
  return ["idempotency", "queue_key", "creation_key"]
    .map((table) => `DELETE FROM ${table} WHERE caller = '${kind}:' || old.id;`)
    .join(" ");
}
