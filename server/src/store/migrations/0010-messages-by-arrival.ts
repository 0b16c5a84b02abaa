import { type Kysely, sql } from "kysely";
import { DEVICE_ERASED_WHOLE } from "./0005-creation.ts";

/**
 * Messages lie in the order they arrive, and an index finds them by stream. Before they lay stream by stream: a commit that
 * takes messages of many users then rewrites a page, or two where it splits, for every one of them (ADR 0012).
 *
 * `log_version` stays, though nobody reads it any more: a server of before, beside which a command of now opens the database,
 * counts in it, and goes on.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const COLUMNS = "user_id, seq, message_id, device_id, type, head, bytes, bytes_before, created_at, expires_at";

const STATEMENTS = [
  // With a table its rows are deleted, and with a message what refers to it: dead letters are put by.
  "CREATE TEMP TABLE moved_dead_letter AS SELECT * FROM dead_letter",
  "DROP TABLE dead_letter",
  // It names a table that is not there for a moment.
  "DROP TRIGGER device_erased_whole",
  `CREATE TABLE arrived_message (
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
  // An id begins with the time, and has an index: sorting whole messages would need as much room again for temporary files.
  `INSERT INTO arrived_message(${COLUMNS}) SELECT ${COLUMNS} FROM message ORDER BY message_id`,
  "DROP TABLE message",
  "ALTER TABLE arrived_message RENAME TO message",
  "CREATE UNIQUE INDEX message_stream ON message(user_id, seq)",
  "CREATE UNIQUE INDEX message_id ON message(message_id)",
  "CREATE INDEX message_expiry ON message(expires_at)",
  "CREATE INDEX message_device ON message(device_id) WHERE device_id IS NOT NULL",
  DEVICE_ERASED_WHOLE,
  `CREATE TABLE dead_letter (
     user_id INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     consumer TEXT NOT NULL,
     PRIMARY KEY (user_id, seq, consumer),
     FOREIGN KEY (user_id, seq) REFERENCES message(user_id, seq) ON DELETE CASCADE
   ) WITHOUT ROWID`,
  "INSERT INTO dead_letter(user_id, seq, consumer) SELECT user_id, seq, consumer FROM moved_dead_letter",
  "DROP TABLE moved_dead_letter",
  // Whether a stream keeps anything was told by its top, which every message raises: the index was written with each. Now
  // the moment is that of never (`NEVER` in sqlite-log-statements.ts), and the index is written when that changes.
  "DROP INDEX stream_settling",
  "UPDATE stream SET settling_at = 9007199254740991 WHERE floor >= top",
  "CREATE INDEX stream_settling ON stream(settling_at) WHERE settling_at < 9007199254740991",
];
