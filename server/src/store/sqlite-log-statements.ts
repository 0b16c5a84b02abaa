import type { Database, Statement } from "bun:sqlite";

/** `settling_at` of a stream that keeps no message: there is nothing to settle. It stands in the index of those that do. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** What is read on the connection beside the sockets, prepared once. */
export function prepareReads(database: Database) {
  const statement = (sql: string): Statement => database.prepare(sql);
  return {
    stream: statement("SELECT epoch, epoch_base, top FROM stream WHERE user_id = ?"),
    origin: statement("SELECT value FROM fact WHERE name = 'origin'"),
    read: statement(
      `SELECT seq, message_id AS messageId, device_id AS deviceId, head, bytes, expires_at AS expiresAt
       FROM message WHERE user_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
    ),
    idAt: statement("SELECT message_id FROM message WHERE user_id = ? AND seq = ?"),
    find: statement(
      `SELECT user_id AS userId, seq, message_id AS messageId, type, device_id AS deviceId, created_at AS createdAt,
              expires_at AS expiresAt
       FROM message WHERE message_id = ?`,
    ),
    cursor: statement("SELECT epoch, acked, sent, attempts FROM cursor WHERE user_id = ? AND consumer = ?"),
    consumers: statement(
      `SELECT consumer, acked, sent, EXISTS (
         SELECT 1 FROM dead_letter
         WHERE dead_letter.user_id = cursor.user_id AND dead_letter.seq = ? AND dead_letter.consumer = cursor.consumer
       ) AS dead
       FROM cursor WHERE user_id = ? ORDER BY consumer`,
    ),
    top: statement("SELECT top FROM stream WHERE user_id = ?"),
    newest: statement("SELECT message_id FROM message ORDER BY rowid DESC LIMIT 1"),
  };
}

/** What the writer's connection runs, prepared once. */
export function prepareWrites(database: Database) {
  const statement = (sql: string): Statement => database.prepare(sql);
  return {
    begin: statement("BEGIN IMMEDIATE"),
    commit: statement("COMMIT"),
    rollback: statement("ROLLBACK"),
    key: statement("SELECT fingerprint, message_id, seq, created_at FROM idempotency WHERE caller = ? AND key = ?"),
    insertKey: statement(
      "INSERT INTO idempotency(caller, key, fingerprint, message_id, seq, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    user: statement("SELECT 1 FROM user WHERE id = ?"),
    owner: statement("SELECT user_id FROM device WHERE id = ?"),
    stream: statement(
      `SELECT epoch, epoch_base, top, acked, bytes, settling_at = ${NEVER} AS is_settled FROM stream WHERE user_id = ?`,
    ),
    takeFact: statement("DELETE FROM fact WHERE name = ? RETURNING value"),
    setFact: statement("INSERT OR REPLACE INTO fact(name, value) VALUES (?, ?)"),
    beginEpochs: statement("UPDATE stream SET epoch = ? || '.' || user_id, epoch_base = top"),
    moveAllCursors: statement(
      "UPDATE cursor SET (epoch, sent) = (SELECT epoch, top FROM stream WHERE stream.user_id = cursor.user_id)",
    ),
    suspectAll: statement("UPDATE cursor SET sent = (SELECT top FROM stream WHERE stream.user_id = cursor.user_id)"),
    origin: statement("SELECT value FROM fact WHERE name = 'origin'"),
    insertStream: statement("INSERT INTO stream(user_id, epoch) VALUES (?, ?)"),
    setTop: statement("UPDATE stream SET top = ?, bytes = ? WHERE user_id = ?"),
    unsettle: statement("UPDATE stream SET settling_at = 0 WHERE user_id = ?"),
    raiseAcked: statement("UPDATE stream SET acked = max(acked, min(?, top)) WHERE user_id = ? AND epoch = ?"),
    beginEpoch: statement("UPDATE stream SET epoch = ?, epoch_base = top WHERE user_id = ?"),
    insertMessage: statement(
      `INSERT INTO message(user_id, seq, message_id, device_id, type, head, bytes, bytes_before, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    bytesBefore: statement("SELECT bytes_before FROM message WHERE user_id = ? AND seq > ? ORDER BY seq LIMIT 1"),
    waiting: statement(
      "SELECT count(*) AS messages, sum(bytes) AS bytes FROM message WHERE user_id = ? AND seq > ? AND expires_at > ?",
    ),
    cursor: statement("SELECT epoch, acked, sent, attempts FROM cursor WHERE user_id = ? AND consumer = ?"),
    insertCursor: statement(
      `INSERT OR IGNORE INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
       VALUES (?1, ?2, ?3, ?4, ?4, 0, ?5)`,
    ),
    dropUnseenApps: statement(
      `DELETE FROM cursor WHERE user_id = ? AND consumer IN (
         SELECT consumer FROM cursor WHERE user_id = ? AND consumer LIKE 'app:%' AND consumer <> ?
         ORDER BY last_seen DESC LIMIT -1 OFFSET ?)`,
    ),
    // Nothing is written for a user who is erased, nor for a device that is bound to somebody else by now.
    saveCursor: statement(
      `INSERT INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
       SELECT ?1, ?2, ?3, min(?4, stream.top), ?5, ?6, ?7 FROM stream
       WHERE stream.user_id = ?1 AND stream.epoch = ?3
         AND (?2 NOT LIKE 'device:%' OR EXISTS (SELECT 1 FROM device WHERE 'device:' || device.id = ?2 AND device.user_id = ?1))
       ON CONFLICT (user_id, consumer) DO UPDATE SET
         acked = max(acked, excluded.acked), sent = max(sent, excluded.sent),
         attempts = iif(excluded.acked < acked, attempts, excluded.attempts),
         last_seen = max(last_seen, excluded.last_seen)
       WHERE cursor.epoch = excluded.epoch`,
    ),
    setAside: statement(
      "INSERT OR IGNORE INTO dead_letter(consumer, user_id, seq) SELECT ?1, user_id, seq FROM message WHERE user_id = ?2 AND seq = ?3",
    ),
    deleteExpired: statement(
      "DELETE FROM message WHERE rowid IN (SELECT rowid FROM message WHERE expires_at <= ? LIMIT ?)",
    ),
    dueStreams: statement(
      `SELECT user_id, floor, settling_seq FROM stream WHERE settling_at < ${NEVER} AND settling_at <= ?
       ORDER BY settling_at LIMIT ?`,
    ),
    deleteSettled: statement("DELETE FROM message WHERE user_id = ? AND seq > ? AND seq <= ?"),
    raiseFloor: statement("UPDATE stream SET floor = ? WHERE user_id = ?"),
    settle: statement(
      `UPDATE stream SET floor = max(floor, settling_seq),
         settling_at = iif(max(floor, settling_seq) < top, ?1, ${NEVER}),
         settling_seq = coalesce((SELECT min(acked) FROM cursor WHERE cursor.user_id = stream.user_id), settling_seq)
       WHERE user_id = ?2`,
    ),
    deleteUnseen: statement("DELETE FROM cursor WHERE consumer LIKE 'app:%' AND last_seen < ?"),
    deleteKeys: statement(
      "DELETE FROM idempotency WHERE (caller, key) IN (SELECT caller, key FROM idempotency WHERE created_at <= ? LIMIT ?)",
    ),
    moveCursors: statement("UPDATE cursor SET epoch = ?, sent = ? WHERE user_id = ?"),
  };
}
