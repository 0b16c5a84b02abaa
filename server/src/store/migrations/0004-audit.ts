import { type Kysely, sql } from "kysely";

/** Who changed what, and the idempotency keys of queued frames. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  // `who` and `subject` name things by id, never by what they hold; they outlive what they name.
  `CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL,
     who TEXT NOT NULL,
     what TEXT NOT NULL,
     subject TEXT NOT NULL,
     request_id TEXT
   )`,
  `CREATE TABLE queue_key (
     caller TEXT NOT NULL,
     key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     size INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     PRIMARY KEY (caller, key)
   ) WITHOUT ROWID`,
  "CREATE INDEX queue_key_age ON queue_key(created_at)",
];
