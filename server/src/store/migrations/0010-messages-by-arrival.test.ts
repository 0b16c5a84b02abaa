import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Kysely } from "kysely";
import { DEFAULT_QUOTA } from "../log-store.ts";
import { migrate } from "../migrate.ts";
import { sqliteDialect } from "../sqlite-dialect.ts";
import { SqliteLogWriter } from "../sqlite-log-writer.ts";
import { configure, InlineWriter } from "../sqlite-writer.ts";
import type { Tables } from "../tables.ts";
import { aMessage, DAY_MS, HOUR_MS, START } from "../testing/log-under-test.ts";
import { migrations } from "./index.ts";

let database: Database;
let kysely: Kysely<Tables>;
beforeEach(async () => {
  database = new Database(":memory:", { strict: true });
  configure(database);
  kysely = new Kysely<Tables>({ dialect: sqliteDialect(database, new InlineWriter(database, DEFAULT_QUOTA)) });
  await migrate(kysely, Object.fromEntries(Object.entries(migrations).filter(([name]) => name < "0010")));
  for (const id of [1, 2, 3]) {
    database.run("INSERT INTO user(id, username, created_at) VALUES (?, ?, 0)", [id, `u${id}`]);
  }
  database.run("INSERT INTO device(id, name, user_id, created_at) VALUES (11, 'd', 1, 0)");
  // Of user 1 three are kept; of user 2 two were, and none is; user 3 has none yet.
  database.run("INSERT INTO stream(user_id, epoch, top, acked, bytes) VALUES (1, 'e1', 3, 1, 300)");
  database.run(
    "INSERT INTO stream(user_id, epoch, top, acked, bytes, floor, settling_seq) VALUES (2, 'e2', 2, 2, 9, 2, 2)",
  );
  database.run("INSERT INTO stream(user_id, epoch) VALUES (3, 'e3')");
  const insert = database.prepare("INSERT INTO message VALUES (1, ?, ?, ?, 'note', ?, 100, ?, ?, ?)");
  for (const [seq, device] of [
    [1, null],
    [2, 11],
    [3, null],
  ] as const) {
    insert.run(seq, `m${seq}`, device, `{"n":${seq}`, (seq - 1) * 100, START + seq, START + DAY_MS);
  }
  database.run("INSERT INTO dead_letter(user_id, seq, consumer) VALUES (1, 2, 'device:11')");
});
afterEach(() => database.close());

const all = (sql: string) => database.query(sql).values();

test("what an older database holds is there afterwards, in the order it came", async () => {
  const tables = ["message", "dead_letter", "cursor", "stream"];
  const before = tables.map((table) => all(`SELECT * FROM ${table}`));
  expect(before[0]).toHaveLength(3);
  await migrate(kysely);
  expect(all("SELECT rowid, seq FROM message")).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
  database.run("UPDATE stream SET settling_at = 0");
  expect(tables.map((table) => all(`SELECT * FROM ${table}`))).toEqual(before);
  expect(all("SELECT name FROM sqlite_schema WHERE tbl_name = 'message' AND type = 'index' ORDER BY name")).toEqual(
    ["message_device", "message_expiry", "message_id", "message_stream"].map((name) => [name]),
  );
  expect(all("PRAGMA foreign_key_check")).toEqual([]);
  expect(all("PRAGMA integrity_check")).toEqual([["ok"]]);
});

test("a server of before that runs meanwhile goes on", async () => {
  const counting = database.prepare("UPDATE log_version SET batches = batches + 1");
  const arriving = database.prepare("INSERT INTO message VALUES (1, 4, 'm4', NULL, 'note', '{', 1, 300, ?, ?)");
  await migrate(kysely);
  counting.run();
  arriving.run(START, START + DAY_MS);
  expect(all("SELECT batches FROM log_version")).toEqual([[1]]);
  expect(all("SELECT seq FROM message ORDER BY rowid")).toEqual([[1], [2], [3], [4]]);
});

test("a device that is erased takes its messages along, and what was said of them, and a user everything", async () => {
  await migrate(kysely);
  database.run("DELETE FROM device WHERE id = 11");
  expect(all("SELECT seq FROM message")).toEqual([[1], [3]]);
  expect(all("SELECT * FROM dead_letter")).toEqual([]);
  database.run("DELETE FROM user WHERE id = 1");
  expect(all("SELECT seq FROM message")).toEqual([]);
});

test("streams go on where they stood, and retention with those that keep something", async () => {
  await migrate(kysely);
  const log = new SqliteLogWriter(database, DEFAULT_QUOTA);
  let now = START;
  const settled = () => {
    now += HOUR_MS;
    const rules = { now, settledMs: HOUR_MS, appUnseenMs: DAY_MS, idempotencyMs: DAY_MS, batch: 100 };
    return log.retain(rules).messages;
  };
  expect(log.accept([aMessage({ userId: 2 }), aMessage({ userId: 3 })])).toEqual([
    { kind: "accepted", seq: 3 },
    { kind: "accepted", seq: 1 },
  ]);
  const cursors = [1, 2, 3].map((userId) => ({ userId, epoch: `e${userId}`, consumer: `user:${userId}` }));
  log.saveCursors(cursors.map((key) => ({ ...key, acked: 9, sent: 9, attempts: 0, lastSeen: START })));
  database.run("DELETE FROM cursor WHERE consumer LIKE 'device:%'");
  expect([settled(), settled(), settled()]).toEqual([0, 5, 0]);
  expect(all("SELECT user_id, floor, top FROM stream")).toEqual([
    [1, 3, 3],
    [2, 3, 3],
    [3, 1, 1],
  ]);
  // What keeps nothing is not looked at, until it keeps something again.
  expect(log.accept([aMessage({ userId: 2 })])).toEqual([{ kind: "accepted", seq: 4 }]);
  log.saveCursors([{ ...(cursors[1] as (typeof cursors)[1]), acked: 4, sent: 4, attempts: 0, lastSeen: START }]);
  expect([settled(), settled(), settled()]).toEqual([0, 1, 0]);
});
