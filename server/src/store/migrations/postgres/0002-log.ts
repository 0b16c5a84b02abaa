import { type Kysely, sql } from "kysely";
import { LOG_FUNCTIONS } from "./0002-log-functions.ts";

/** The message log: streams, messages, cursors, idempotency keys, and the functions that write them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [...TABLES, ...TRIGGERS, ...LOG_FUNCTIONS]) await sql.raw(statement).execute(db);
}

const NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const TABLES = [
  // As in SQLite, but for `unsettled` (there is something above `floor`): the index must not name `top`, or every message
  // would write it (postgresql.org/docs/current/storage-hot.html).
  `CREATE TABLE stream (
     user_id bigint PRIMARY KEY REFERENCES "user"(id) ON DELETE CASCADE,
     epoch text NOT NULL,
     epoch_base bigint NOT NULL DEFAULT 0,
     top bigint NOT NULL DEFAULT 0,
     acked bigint NOT NULL DEFAULT 0,
     bytes bigint NOT NULL DEFAULT 0,
     floor bigint NOT NULL DEFAULT 0,
     settling_seq bigint NOT NULL DEFAULT 0,
     settling_at bigint NOT NULL DEFAULT 0,
     unsettled boolean NOT NULL DEFAULT false
   ) WITH (fillfactor = 70)`,
  "CREATE INDEX stream_settling ON stream(settling_at) WHERE unsettled",
  // Goes with its stream by a trigger: a foreign key would look that up for every message.
  `CREATE TABLE message (
     user_id bigint NOT NULL,
     seq bigint NOT NULL,
     message_id text COLLATE "C" NOT NULL UNIQUE,
     device_id bigint,
     type text NOT NULL,
     head text NOT NULL,
     bytes integer NOT NULL,
     bytes_before bigint NOT NULL,
     created_at bigint NOT NULL,
     expires_at bigint NOT NULL,
     PRIMARY KEY (user_id, seq)
   )`,
  "CREATE INDEX message_expiry ON message(expires_at)",
  "CREATE INDEX message_device ON message(user_id, device_id) WHERE device_id IS NOT NULL",
  `CREATE TABLE cursor (
     user_id bigint NOT NULL REFERENCES "user"(id) ON DELETE CASCADE,
     consumer text COLLATE "C" NOT NULL,
     epoch text NOT NULL,
     acked bigint NOT NULL,
     sent bigint NOT NULL,
     attempts integer NOT NULL DEFAULT 0,
     last_seen bigint NOT NULL,
     PRIMARY KEY (user_id, consumer)
   ) WITH (fillfactor = 70)`,
  "CREATE INDEX cursor_consumer ON cursor(consumer)",
  // Messages that a consumer was given up on for: its cursor has passed them, and yet they were not handled.
  `CREATE TABLE dead_letter (
     user_id bigint NOT NULL,
     seq bigint NOT NULL,
     consumer text COLLATE "C" NOT NULL,
     PRIMARY KEY (user_id, seq, consumer),
     FOREIGN KEY (user_id, seq) REFERENCES message(user_id, seq) ON DELETE CASCADE
   )`,
  `CREATE TABLE idempotency (
     caller text COLLATE "C" NOT NULL,
     key text COLLATE "C" NOT NULL,
     fingerprint text NOT NULL,
     message_id text NOT NULL,
     seq bigint,
     created_at bigint NOT NULL,
     PRIMARY KEY (caller, key)
   )`,
  "CREATE INDEX idempotency_age ON idempotency(created_at)",
  // `origin`: what the epochs that streams begin with are made of. `home`: where this log lives; elsewhere it is a copy.
  "CREATE TABLE fact (name text PRIMARY KEY, value text NOT NULL)",
  "INSERT INTO fact(name, value) VALUES ('origin', replace(gen_random_uuid()::text, '-', ''))",
  // The nodes that serve this log. One whose lock nobody holds has died.
  "CREATE TABLE node (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, started_at bigint NOT NULL)",
];

const BEGIN_CURSOR = `
  INSERT INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
  SELECT stream.user_id, 'device:' || new.id, stream.epoch, stream.top, stream.top, 0, ${NOW_MS}
  FROM stream WHERE stream.user_id = new.user_id
  ON CONFLICT (user_id, consumer) DO UPDATE SET
    epoch = excluded.epoch, acked = excluded.acked, sent = excluded.sent, attempts = 0, last_seen = excluded.last_seen;`;

const TRIGGERS = [
  // A device that was bound before its owner's first message begins before it.
  `CREATE FUNCTION stream_made() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     INSERT INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
     SELECT new.user_id, 'device:' || device.id, new.epoch, 0, 0, 0, ${NOW_MS}
     FROM device WHERE device.user_id = new.user_id
     ON CONFLICT DO NOTHING;
     RETURN NULL;
   END $$`,
  "CREATE TRIGGER stream_made AFTER INSERT ON stream FOR EACH ROW EXECUTE FUNCTION stream_made()",
  `CREATE FUNCTION stream_erased() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     DELETE FROM message WHERE user_id = old.user_id;
     RETURN NULL;
   END $$`,
  "CREATE TRIGGER stream_erased AFTER DELETE ON stream FOR EACH ROW EXECUTE FUNCTION stream_erased()",
  // A device's cursor begins where its owner's stream stood when it was bound, whoever bound it, and ends with the binding.
  `CREATE FUNCTION device_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
   BEGIN
     IF tg_op <> 'INSERT' THEN
       DELETE FROM cursor WHERE consumer = 'device:' || old.id;
     END IF;
     IF tg_op = 'DELETE' THEN
       DELETE FROM message WHERE user_id = old.user_id AND device_id = old.id;
     ELSE ${BEGIN_CURSOR}
     END IF;
     RETURN NULL;
   END $$`,
  "CREATE TRIGGER device_cursor AFTER INSERT OR DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_cursor()",
  `CREATE TRIGGER device_cursor_moved AFTER UPDATE OF user_id ON device FOR EACH ROW
   WHEN (new.user_id IS DISTINCT FROM old.user_id) EXECUTE FUNCTION device_cursor()`,
];
