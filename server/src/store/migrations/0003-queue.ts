import { type Kysely, sql } from "kysely";

/** The message queue: frames that wait to be pushed, and those that never could be. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

const STATEMENTS = [
  // An entry with a `reason` was set aside at `failed_at`. Ids are never used again: they name a push that happens once.
  `CREATE TABLE queue (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     user_id INTEGER NOT NULL,
     frame TEXT NOT NULL,
     created_at INTEGER NOT NULL,
     reason TEXT,
     failed_at INTEGER
   )`,
  "CREATE INDEX queue_user ON queue(user_id)",
  "CREATE INDEX queue_set_aside ON queue(id) WHERE reason IS NOT NULL",
  // How many there are of each, kept by triggers: every answer says it, and counting 100,000 rows takes long.
  "CREATE TABLE queue_size (id INTEGER PRIMARY KEY CHECK (id = 1), waiting INTEGER NOT NULL, set_aside INTEGER NOT NULL)",
  "INSERT INTO queue_size(id, waiting, set_aside) VALUES (1, 0, 0)",
  `CREATE TRIGGER queue_added AFTER INSERT ON queue
   BEGIN UPDATE queue_size SET waiting = waiting + (new.reason IS NULL), set_aside = set_aside + (new.reason IS NOT NULL); END`,
  `CREATE TRIGGER queue_removed AFTER DELETE ON queue
   BEGIN UPDATE queue_size SET waiting = waiting - (old.reason IS NULL), set_aside = set_aside - (old.reason IS NOT NULL); END`,
  `CREATE TRIGGER queue_failed AFTER UPDATE OF reason ON queue WHEN old.reason IS NULL AND new.reason IS NOT NULL
   BEGIN UPDATE queue_size SET waiting = waiting - 1, set_aside = set_aside + 1; END`,
  // Of an erased user nothing stays but that there was something.
  `CREATE TRIGGER queue_user_erased AFTER DELETE ON user
   BEGIN
     UPDATE queue SET frame = 'null', reason = coalesce(reason, 'user erased'), failed_at = coalesce(failed_at, ${NOW_MS})
     WHERE user_id = old.id;
   END`,
];
