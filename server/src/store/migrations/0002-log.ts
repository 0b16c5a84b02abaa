import { type Kysely, sql } from "kysely";

/** The message log: streams, messages, cursors, idempotency keys. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

const STATEMENTS = [
  // One row a user. `acked` is the furthest any consumer came, `bytes` what was ever appended: together with a message's
  // `bytes_before` they bound the quota without counting. Up to `floor` nothing is kept; up to `settling_seq` everybody
  // had acknowledged at `settling_at`.
  `CREATE TABLE stream (
     user_id INTEGER PRIMARY KEY REFERENCES user(id) ON DELETE CASCADE,
     epoch TEXT NOT NULL,
     epoch_base INTEGER NOT NULL DEFAULT 0,
     top INTEGER NOT NULL DEFAULT 0,
     acked INTEGER NOT NULL DEFAULT 0,
     bytes INTEGER NOT NULL DEFAULT 0,
     floor INTEGER NOT NULL DEFAULT 0,
     settling_seq INTEGER NOT NULL DEFAULT 0,
     settling_at INTEGER NOT NULL DEFAULT 0
   )`,
  "CREATE INDEX stream_settling ON stream(settling_at) WHERE floor < top",
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
     expires_at INTEGER NOT NULL,
     PRIMARY KEY (user_id, seq)
   ) WITHOUT ROWID`,
  "CREATE UNIQUE INDEX message_id ON message(message_id)",
  "CREATE INDEX message_expiry ON message(expires_at)",
  `CREATE TABLE cursor (
     user_id INTEGER NOT NULL REFERENCES user(id) ON DELETE CASCADE,
     consumer TEXT NOT NULL,
     epoch TEXT NOT NULL,
     acked INTEGER NOT NULL,
     sent INTEGER NOT NULL,
     attempts INTEGER NOT NULL DEFAULT 0,
     last_seen INTEGER NOT NULL,
     PRIMARY KEY (user_id, consumer)
   ) WITHOUT ROWID`,
  "CREATE INDEX cursor_consumer ON cursor(consumer)",
  // Messages that a consumer was given up on for: its cursor has passed them, and yet they were not handled.
  `CREATE TABLE dead_letter (
     user_id INTEGER NOT NULL,
     seq INTEGER NOT NULL,
     consumer TEXT NOT NULL,
     PRIMARY KEY (user_id, seq, consumer),
     FOREIGN KEY (user_id, seq) REFERENCES message(user_id, seq) ON DELETE CASCADE
   ) WITHOUT ROWID`,
  `CREATE TABLE idempotency (
     caller TEXT NOT NULL,
     key TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     message_id TEXT NOT NULL,
     seq INTEGER,
     created_at INTEGER NOT NULL,
     PRIMARY KEY (caller, key)
   ) WITHOUT ROWID`,
  "CREATE INDEX idempotency_age ON idempotency(created_at)",
  // Facts about the file itself: whether it was closed in order, whether it is a restored backup.
  "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
  // How many batches of messages were ever taken: whether there can be news for anybody is one look at it.
  "CREATE TABLE log_version (batches INTEGER NOT NULL)",
  "INSERT INTO log_version(batches) VALUES (0)",
  // The epoch that every stream begins with: a client can know it before its user's first message.
  "INSERT INTO fact(name, value) VALUES ('origin', lower(hex(randomblob(16))))",
  // A device that was bound before its owner's first message begins before it.
  `CREATE TRIGGER stream_made AFTER INSERT ON stream
   BEGIN
     INSERT OR IGNORE INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
     SELECT new.user_id, 'device:' || device.id, new.epoch, 0, 0, 0, ${NOW_MS} FROM device WHERE device.user_id = new.user_id;
   END`,
  // A device's cursor begins where its owner's stream stood when it was bound, whoever bound it, and ends with the binding.
  `CREATE TRIGGER device_cursor_made AFTER INSERT ON device WHEN new.user_id IS NOT NULL
   BEGIN ${beginCursor()} END`,
  `CREATE TRIGGER device_cursor_moved AFTER UPDATE OF user_id ON device WHEN new.user_id IS NOT old.user_id
   BEGIN
     DELETE FROM cursor WHERE consumer = 'device:' || new.id;
     ${beginCursor()}
   END`,
  `CREATE TRIGGER device_cursor_erased AFTER DELETE ON device
   BEGIN
     DELETE FROM cursor WHERE consumer = 'device:' || old.id;
     DELETE FROM message WHERE user_id = old.user_id AND device_id = old.id;
   END`,
];

function beginCursor(): string {
  return `INSERT OR REPLACE INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
     SELECT stream.user_id, 'device:' || new.id, stream.epoch, stream.top, stream.top, 0, ${NOW_MS}
     FROM stream WHERE stream.user_id = new.user_id;`;
}
