import { type Kysely, sql } from "kysely";

/**
 * Messages lie in the order they arrive, and an index finds them by stream. Before they lay stream by stream: a commit that
 * takes messages of many users then rewrites a page, or two where it splits, for every one of them (ADR 0012).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const COLUMNS = "user_id, seq, message_id, device_id, type, head, bytes, bytes_before, created_at, expires_at";

const STATEMENTS = [
  // With the table its rows are deleted, and with them what refers to them: both are put by.
  "CREATE TEMP TABLE moved_message AS SELECT * FROM message",
  "CREATE TEMP TABLE moved_dead_letter AS SELECT * FROM dead_letter",
  "DROP TABLE dead_letter",
  "DROP TABLE message",
  `CREATE TABLE message (
     user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
     seq INTEGER NOT NULL,
     message_id TEXT NOT NULL,
     device_id INTEGER,
     type TEXT NOT NULL,
     head TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     bytes_before INTEGER NOT NULL,
     created_at INTEGER NOT NULL,
     expires_at INTEGER NOT NULL
   )`,
  `INSERT INTO message(${COLUMNS}) SELECT ${COLUMNS} FROM moved_message ORDER BY created_at, user_id, seq`,
  "CREATE UNIQUE INDEX message_stream ON message(user_id, seq)",
  "CREATE UNIQUE INDEX message_id ON message(message_id)",
  "CREATE INDEX message_expiry ON message(expires_at)",
  "CREATE INDEX message_device ON message(device_id) WHERE device_id IS NOT NULL",
  `CREATE TABLE dead_letter (
     user_id INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     consumer TEXT NOT NULL,
     PRIMARY KEY (user_id, seq, consumer),
     FOREIGN KEY (user_id, seq) REFERENCES message(user_id, seq) ON DELETE CASCADE
   ) WITHOUT ROWID`,
  "INSERT INTO dead_letter(user_id, seq, consumer) SELECT user_id, seq, consumer FROM moved_dead_letter",
  "DROP TABLE moved_dead_letter",
  "DROP TABLE moved_message",
  // The last message that arrived tells as much as a count of the batches did.
  "DROP TABLE log_version",
];
