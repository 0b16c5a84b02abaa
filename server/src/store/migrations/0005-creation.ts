import { type Kysely, sql } from "kysely";

/** The idempotency keys of users and devices that were made, and an erasure that leaves no key and no message behind. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

/** What goes with a device that is erased. */
export const DEVICE_ERASED_WHOLE = `CREATE TRIGGER device_erased_whole AFTER DELETE ON device
   BEGIN
     DELETE FROM cursor WHERE consumer = 'device:' || old.id;
     DELETE FROM message WHERE device_id = old.id;
     ${deleteKeysOf("device")}
   END`;

const STATEMENTS = [
  `CREATE TABLE creation_key (
     caller TEXT NOT NULL,
     key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     subject_id INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     PRIMARY KEY (caller, key)
   ) WITHOUT ROWID`,
  "CREATE INDEX creation_key_age ON creation_key(created_at)",
  // A device's messages also stand in the logs of those who had it before.
  "CREATE INDEX message_device ON message(device_id) WHERE device_id IS NOT NULL",
  "DROP TRIGGER device_cursor_erased",
  DEVICE_ERASED_WHOLE,
  `CREATE TRIGGER user_keys_erased AFTER DELETE ON user
   BEGIN ${deleteKeysOf("user")} END`,
];

function deleteKeysOf(kind: string): string {
  return ["idempotency", "queue_key", "creation_key"]
    .map((table) => `DELETE FROM ${table} WHERE caller = '${kind}:' || old.id;`)
    .join(" ");
}
