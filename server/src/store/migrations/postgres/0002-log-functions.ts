/** The class of the advisory locks by which nodes show that they live, "lty1". */
export const NODE_LOCKS = 0x6c747931;

/**
 * Each is one statement, and so one transaction of one round trip: a node that is cut off in the middle of it leaves no
 * lock behind that others wait for. Rows are locked in one order by all: users, streams, keys, devices, cursors, each kind
 * by its number or name.
 */
export const LOG_FUNCTIONS = [
  // Makes the streams of those users who have none, and locks all of them.
  `CREATE FUNCTION log_lock_streams(users bigint[]) RETURNS void LANGUAGE plpgsql AS $$
   DECLARE
     missing bigint[];
   BEGIN
     SELECT array_agg(wanted.id) INTO missing FROM unnest(users) AS wanted(id)
     WHERE NOT EXISTS (SELECT 1 FROM stream WHERE stream.user_id = wanted.id);
     IF missing IS NOT NULL THEN
       INSERT INTO stream(user_id, epoch)
       SELECT owner.id, fact.value || '.' || owner.id
       FROM (SELECT id FROM "user" WHERE id = ANY(missing) ORDER BY id FOR KEY SHARE) AS owner, fact
       WHERE fact.name = 'origin'
       ON CONFLICT DO NOTHING;
     END IF;
     PERFORM 1 FROM stream WHERE user_id = ANY(users) ORDER BY user_id FOR UPDATE;
   END $$`,

  `CREATE FUNCTION log_accept(
     user_ids bigint[], device_ids bigint[], ephemerals boolean[], message_ids text[], types text[], heads text[],
     sizes integer[], created bigint[], expires bigint[], callers text[], keys text[], fingerprints text[],
     quota_messages bigint, quota_bytes bigint
   ) RETURNS TABLE (out_kind text, out_seq bigint, out_message_id text, out_created_at bigint)
   LANGUAGE plpgsql AS $$
   DECLARE
     s stream%ROWTYPE;
     seen idempotency%ROWTYPE;
     owner bigint;
     first_bytes bigint;
     waiting_messages bigint;
     waiting_bytes bigint;
     lock_key bigint;
   BEGIN
     PERFORM log_lock_streams(user_ids);
     FOR lock_key IN
       SELECT DISTINCT hashtextextended(caller || ' ' || key, 1) AS lock
       FROM unnest(callers, keys) AS asked(caller, key) WHERE key IS NOT NULL ORDER BY lock
     LOOP
       PERFORM pg_advisory_xact_lock(lock_key);
     END LOOP;
     FOR i IN 1 .. cardinality(user_ids) LOOP
       out_seq := NULL; out_message_id := NULL; out_created_at := NULL;
       IF keys[i] IS NOT NULL THEN
         SELECT * INTO seen FROM idempotency WHERE idempotency.caller = callers[i] AND idempotency.key = keys[i];
         IF FOUND THEN
           IF seen.fingerprint <> fingerprints[i] THEN
             out_kind := 'conflict';
           ELSE
             out_kind := 'duplicate'; out_seq := seen.seq;
             out_message_id := seen.message_id; out_created_at := seen.created_at;
           END IF;
           RETURN NEXT; CONTINUE;
         END IF;
       END IF;
       IF device_ids[i] IS NOT NULL THEN
         SELECT device.user_id INTO owner FROM device WHERE device.id = device_ids[i];
         IF owner IS DISTINCT FROM user_ids[i] THEN
           out_kind := 'not-bound'; RETURN NEXT; CONTINUE;
         END IF;
       END IF;
       IF NOT ephemerals[i] THEN
         SELECT * INTO s FROM stream WHERE stream.user_id = user_ids[i];
         IF NOT FOUND THEN
           out_kind := 'no-user'; RETURN NEXT; CONTINUE;
         END IF;
         -- Counts only where the bound that needs no counting says that it could be over.
         SELECT bytes_before INTO first_bytes FROM message
         WHERE message.user_id = user_ids[i] AND message.seq > s.acked ORDER BY message.seq LIMIT 1;
         IF s.top - s.acked >= quota_messages OR s.bytes - coalesce(first_bytes, s.bytes) + sizes[i] > quota_bytes THEN
           SELECT count(*), coalesce(sum(message.bytes), 0) INTO waiting_messages, waiting_bytes FROM message
           WHERE message.user_id = user_ids[i] AND message.seq > s.acked AND message.expires_at > created[i];
           IF waiting_messages >= quota_messages OR waiting_bytes + sizes[i] > quota_bytes THEN
             out_kind := 'over-quota'; RETURN NEXT; CONTINUE;
           END IF;
         END IF;
         out_seq := s.top + 1;
         UPDATE stream SET top = out_seq, bytes = s.bytes + sizes[i], unsettled = true WHERE user_id = user_ids[i];
         INSERT INTO message(user_id, seq, message_id, device_id, type, head, bytes, bytes_before, created_at, expires_at)
         VALUES (user_ids[i], out_seq, message_ids[i], device_ids[i], types[i], heads[i], sizes[i], s.bytes, created[i], expires[i]);
       END IF;
       IF keys[i] IS NOT NULL THEN
         INSERT INTO idempotency(caller, key, fingerprint, message_id, seq, created_at)
         VALUES (callers[i], keys[i], fingerprints[i], message_ids[i], out_seq, created[i]);
       END IF;
       out_kind := 'accepted';
       RETURN NEXT;
     END LOOP;
   END $$`,

  // Nothing is written for a user who is erased, nor for a device that is bound to somebody else by now. Where a cursor
  // began, nobody acknowledged anything.
  `CREATE FUNCTION log_save_cursors(
     user_ids bigint[], consumers text[], epochs text[], ackeds bigint[], sents bigint[], attempts_made integer[],
     last_seens bigint[]
   ) RETURNS void LANGUAGE plpgsql AS $$
   DECLARE
     s stream%ROWTYPE;
     c record;
     known bigint;
   BEGIN
     PERFORM log_lock_streams(user_ids);
     PERFORM 1 FROM device
     WHERE id IN (SELECT substr(name, 8)::bigint FROM unnest(consumers) AS name WHERE name ~ '^device:[0-9]{1,18}$')
     ORDER BY id FOR SHARE;
     FOR c IN
       SELECT * FROM unnest(user_ids, consumers, epochs, ackeds, sents, attempts_made, last_seens)
         AS saved(user_id, consumer, epoch, acked, sent, attempts, last_seen)
       ORDER BY saved.user_id, saved.consumer
     LOOP
       SELECT * INTO s FROM stream WHERE stream.user_id = c.user_id;
       CONTINUE WHEN NOT FOUND OR s.epoch <> c.epoch;
       CONTINUE WHEN c.consumer LIKE 'device:%' AND NOT EXISTS (
         SELECT 1 FROM device WHERE device.id = substr(c.consumer, 8)::bigint AND device.user_id = c.user_id);
       SELECT cursor.acked INTO known FROM cursor WHERE cursor.user_id = c.user_id AND cursor.consumer = c.consumer;
       INSERT INTO cursor AS stored (user_id, consumer, epoch, acked, sent, attempts, last_seen)
       VALUES (c.user_id, c.consumer, c.epoch, least(c.acked, s.top), c.sent, c.attempts, c.last_seen)
       ON CONFLICT (user_id, consumer) DO UPDATE SET
         acked = greatest(stored.acked, excluded.acked), sent = greatest(stored.sent, excluded.sent),
         attempts = CASE WHEN excluded.acked < stored.acked THEN stored.attempts ELSE excluded.attempts END,
         last_seen = greatest(stored.last_seen, excluded.last_seen)
       WHERE stored.epoch = excluded.epoch;
       IF FOUND AND least(c.acked, s.top) > s.acked AND c.acked > coalesce(known, 0) THEN
         UPDATE stream SET acked = least(c.acked, s.top) WHERE user_id = c.user_id;
       END IF;
     END LOOP;
   END $$`,

  `CREATE FUNCTION log_create_cursor(for_user bigint, for_consumer text, at bigint, most_apps integer)
   RETURNS SETOF cursor LANGUAGE plpgsql AS $$
   BEGIN
     PERFORM log_lock_streams(ARRAY[for_user]);
     INSERT INTO cursor(user_id, consumer, epoch, acked, sent, attempts, last_seen)
     SELECT user_id, for_consumer, epoch, top, top, 0, at FROM stream WHERE user_id = for_user
     ON CONFLICT DO NOTHING;
     IF for_consumer LIKE 'app:%' THEN
       DELETE FROM cursor WHERE user_id = for_user AND consumer IN (
         SELECT consumer FROM cursor WHERE user_id = for_user AND consumer LIKE 'app:%' AND consumer <> for_consumer
         ORDER BY last_seen DESC OFFSET most_apps - 1);
     END IF;
     RETURN QUERY SELECT * FROM cursor WHERE user_id = for_user AND consumer = for_consumer;
   END $$`,

  // What a consumer had before the log went back, it may have had after: all of it may have been seen.
  `CREATE FUNCTION log_begin_epoch(for_user bigint, left_epoch text, next_epoch text)
   RETURNS TABLE (epoch text, top bigint, epoch_base bigint) LANGUAGE plpgsql AS $$
   #variable_conflict use_column
   BEGIN
     PERFORM log_lock_streams(ARRAY[for_user]);
     UPDATE stream SET epoch = next_epoch, epoch_base = top WHERE user_id = for_user AND epoch = left_epoch;
     IF FOUND THEN
       UPDATE cursor SET epoch = next_epoch, sent = (SELECT top FROM stream WHERE user_id = for_user)
       WHERE cursor.user_id = for_user;
     END IF;
     RETURN QUERY SELECT stream.epoch, stream.top, stream.epoch_base FROM stream WHERE user_id = for_user;
   END $$`,

  `CREATE FUNCTION log_retain(
     at bigint, settled_ms bigint, app_unseen_ms bigint, idempotency_ms bigint, batch integer, most_streams integer
   ) RETURNS TABLE (messages bigint, cursors bigint, keys bigint, more boolean) LANGUAGE plpgsql AS $$
   #variable_conflict use_variable
   DECLARE
     expired bigint;
     settled bigint := 0;
     deleted bigint;
     due_streams integer := 0;
     unfinished boolean := false;
     up_to bigint;
     due record;
   BEGIN
     DELETE FROM message WHERE ctid = ANY(ARRAY(SELECT ctid FROM message WHERE expires_at <= at LIMIT batch));
     GET DIAGNOSTICS expired = ROW_COUNT;
     FOR due IN
       SELECT user_id, floor, settling_seq FROM stream WHERE unsettled AND settling_at <= at - settled_ms
       ORDER BY settling_at LIMIT most_streams FOR UPDATE SKIP LOCKED
     LOOP
       due_streams := due_streams + 1;
       up_to := least(due.settling_seq, due.floor + batch - settled);
       DELETE FROM message WHERE user_id = due.user_id AND seq > due.floor AND seq <= up_to;
       GET DIAGNOSTICS deleted = ROW_COUNT;
       settled := settled + deleted;
       IF up_to >= due.settling_seq THEN
         UPDATE stream SET
           floor = greatest(floor, settling_seq), unsettled = greatest(floor, settling_seq) < top, settling_at = at,
           settling_seq = coalesce((SELECT min(acked) FROM cursor WHERE cursor.user_id = stream.user_id), settling_seq)
         WHERE user_id = due.user_id;
       ELSE
         UPDATE stream SET floor = up_to WHERE user_id = due.user_id;
         unfinished := true;
       END IF;
       EXIT WHEN settled >= batch;
     END LOOP;
     DELETE FROM cursor WHERE consumer LIKE 'app:%' AND last_seen < at - app_unseen_ms;
     GET DIAGNOSTICS cursors = ROW_COUNT;
     DELETE FROM idempotency
     WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency WHERE created_at <= at - idempotency_ms LIMIT batch));
     GET DIAGNOSTICS keys = ROW_COUNT;
     messages := expired + settled;
     more := unfinished OR due_streams >= most_streams OR greatest(expired, settled, keys) >= batch;
     RETURN NEXT;
   END $$`,

  // Where this log lives. A dump that was loaded elsewhere, or here again, lives elsewhere.
  `CREATE FUNCTION log_home() RETURNS text LANGUAGE plpgsql AS $$
   DECLARE
     cluster text;
   BEGIN
     BEGIN
       SELECT system_identifier INTO cluster FROM pg_control_system();
     EXCEPTION WHEN insufficient_privilege THEN
       cluster := '';
     END;
     RETURN concat_ws('/', cluster, (SELECT oid FROM pg_database WHERE datname = current_database()), 'stream'::regclass::oid);
   END $$`,
  "INSERT INTO fact(name, value) VALUES ('home', log_home())",

  // Forgets the nodes that died: whatever stood in their memory, everybody may have been sent everything. Whether any had.
  `CREATE FUNCTION node_bury(own bigint) RETURNS boolean LANGUAGE plpgsql AS $$
   BEGIN
     DELETE FROM node WHERE id <> own AND pg_try_advisory_xact_lock_shared(${NODE_LOCKS}, id::integer);
     IF NOT FOUND THEN RETURN false; END IF;
     UPDATE cursor SET sent = stream.top FROM stream
     WHERE stream.user_id = cursor.user_id AND cursor.sent < stream.top;
     RETURN true;
   END $$`,

  // A node begins to serve. Its lock is the session's, and goes with it. A log that is served elsewhere than before is a
  // copy, which the original may have overtaken: every stream begins a new epoch.
  `CREATE FUNCTION node_join(node_name text, at bigint, next_origin text) RETURNS bigint LANGUAGE plpgsql AS $$
   DECLARE
     home text := log_home();
     own bigint;
   BEGIN
     PERFORM pg_advisory_xact_lock(${NODE_LOCKS}, 0);
     IF EXISTS (SELECT 1 FROM fact WHERE name = 'home' AND value <> home) THEN
       DELETE FROM node;
       UPDATE fact SET value = home WHERE name = 'home';
       UPDATE fact SET value = next_origin WHERE name = 'origin';
       UPDATE stream SET epoch = next_origin || '.' || user_id, epoch_base = top;
       UPDATE cursor SET epoch = stream.epoch, sent = stream.top FROM stream WHERE stream.user_id = cursor.user_id;
     END IF;
     PERFORM node_bury(0);
     INSERT INTO node(name, started_at) VALUES (node_name, at) RETURNING id INTO own;
     PERFORM pg_advisory_lock(${NODE_LOCKS}, own::integer);
     RETURN own;
   END $$`,
];
