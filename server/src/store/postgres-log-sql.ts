import type { Prepared } from "./postgres-pool.ts";

/** The statements of the log, prepared under these names on every connection that runs them. */
export const LOG_SQL = {
  accept: {
    name: "log_accept",
    text: "SELECT * FROM log_accept($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
  },
  position: {
    name: "log_position",
    text: 'SELECT epoch, top, epoch_base AS "epochBase" FROM stream WHERE user_id = $1',
  },
  origin: { name: "log_origin", text: "SELECT value FROM fact WHERE name = 'origin'" },
  read: {
    name: "log_read",
    text: `SELECT seq, message_id AS "messageId", device_id AS "deviceId", head, bytes, expires_at AS "expiresAt"
           FROM message WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
  },
  idAt: { name: "log_id_at", text: "SELECT message_id AS id FROM message WHERE user_id = $1 AND seq = $2" },
  find: {
    name: "log_find",
    text: `SELECT user_id AS "userId", seq, message_id AS "messageId", type, device_id AS "deviceId",
                  created_at AS "createdAt", expires_at AS "expiresAt"
           FROM message WHERE message_id = $1`,
  },
  consumers: {
    name: "log_consumers",
    text: `SELECT consumer, acked, sent, EXISTS (
             SELECT 1 FROM dead_letter
             WHERE dead_letter.user_id = cursor.user_id AND dead_letter.seq = $1 AND dead_letter.consumer = cursor.consumer
           ) AS dead
           FROM cursor WHERE user_id = $2 ORDER BY consumer`,
  },
  cursor: {
    name: "log_cursor",
    text: "SELECT epoch, acked, sent, attempts FROM cursor WHERE user_id = $1 AND consumer = $2",
  },
  createCursor: {
    name: "log_create_cursor",
    text: "SELECT epoch, acked, sent, attempts FROM log_create_cursor($1, $2, $3, $4)",
  },
  saveCursors: { name: "log_save_cursors", text: "SELECT log_save_cursors($1, $2, $3, $4, $5, $6, $7, $8, $9)" },
  movedOn: {
    name: "log_moved_on",
    text: `SELECT DISTINCT user_id AS "userId" FROM unnest($1::bigint[], $2::text[]) AS saved(user_id, epoch)
           JOIN stream USING (user_id) WHERE stream.epoch <> saved.epoch`,
  },
  setAside: {
    name: "log_set_aside",
    text: `INSERT INTO dead_letter(consumer, user_id, seq)
           SELECT $1, user_id, seq FROM message WHERE user_id = $2 AND seq = $3 ON CONFLICT DO NOTHING`,
  },
  beginEpoch: {
    name: "log_begin_epoch",
    text: 'SELECT epoch, top, epoch_base AS "epochBase" FROM log_begin_epoch($1, $2, $3)',
  },
  snapshot: { name: "log_snapshot", text: "SELECT pg_current_snapshot()::text AS snapshot" },
  tops: { name: "log_tops", text: 'SELECT user_id AS "userId", top FROM stream WHERE user_id = ANY($1)' },
  retain: { name: "log_retain", text: "SELECT * FROM log_retain($1, $2, $3, $4, $5, $6)" },
} satisfies Readonly<Record<string, Prepared>>;
