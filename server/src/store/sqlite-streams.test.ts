import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SqliteLogWriter } from "./sqlite-log-writer.ts";
import { aMessage, DAY_MS, HOUR_MS, START } from "./testing/log-under-test.ts";
import { SqliteFile } from "./testing/sqlite-file.ts";

/** Three messages of 100 bytes wait at most. */
const QUOTA = { messages: 3, bytes: 300 };

let file: SqliteFile;
let own: Database;
let writer: SqliteLogWriter;
beforeEach(async () => {
  file = await SqliteFile.make();
  own = file.connect();
  writer = new SqliteLogWriter(own, QUOTA);
  writer.open();
});
afterEach(() => file[Symbol.dispose]());

const take = (count: number, message: Parameters<typeof aMessage>[0] = {}) =>
  writer.accept(Array.from({ length: count }, () => aMessage(message)));
const seqs = (outcomes: ReturnType<typeof take>) =>
  outcomes.map((outcome) => (outcome.kind === "accepted" ? outcome.seq : outcome.kind));
const row = () => own.query("SELECT top, bytes FROM stream WHERE user_id = 1").get();

/** Who else may change what the writer remembers: each runs statements that it is not told of. */
const OTHERS: readonly [string, (sql: string) => void][] = [
  ["another connection", (sql) => file.connect().run(sql)],
  ["the same connection", (sql) => own.run(sql)],
];

describe("what is remembered of streams between batches", () => {
  test("goes on from batch to batch, and stands in the database after each", () => {
    expect(seqs(take(2))).toEqual([1, 2]);
    expect(row()).toEqual({ top: 2, bytes: 200 });
    expect(seqs(take(3))).toEqual([3, "over-quota", "over-quota"]);
    expect(row()).toEqual({ top: 3, bytes: 300 });
    const befores = own.query("SELECT bytes_before FROM message WHERE user_id = 1 ORDER BY seq").values().flat();
    expect(befores).toEqual([0, 100, 200]);
  });

  test.each(OTHERS)("is forgotten when %s appends", (_, run) => {
    take(1);
    run("UPDATE stream SET top = 7, bytes = 50 WHERE user_id = 1");
    expect(seqs(take(1))).toEqual([8]);
    expect(row()).toEqual({ top: 8, bytes: 150 });
  });

  test.each(OTHERS)("is forgotten when %s acknowledges", (_, run) => {
    expect(seqs(take(4))).toEqual([1, 2, 3, "over-quota"]);
    run("UPDATE stream SET acked = 2 WHERE user_id = 1");
    expect(seqs(take(3))).toEqual([4, 5, "over-quota"]);
  });

  test.each(OTHERS)("is forgotten when %s erases the user", (_, run) => {
    take(1);
    run("DELETE FROM user WHERE id = 1");
    expect(seqs(take(1))).toEqual(["no-user"]);
    run("INSERT INTO user(id, username, created_at) VALUES (1, 'again', 0)");
    expect(seqs(take(1))).toEqual([1]);
  });

  test.each(OTHERS)("is forgotten when %s deletes messages", (_, run) => {
    expect(seqs(take(4))).toEqual([1, 2, 3, "over-quota"]);
    run("DELETE FROM message WHERE seq <= 2");
    expect(seqs(take(3))).toEqual([4, 5, "over-quota"]);
  });

  test("is forgotten when the writer itself saves a cursor, begins an epoch, or deletes what has expired", () => {
    const { epoch } = own.query("SELECT value || '.1' AS epoch FROM fact WHERE name = 'origin'").get() as {
      epoch: string;
    };
    take(3);
    const cursor = { consumer: "user:1", userId: 1, epoch, acked: 1, sent: 3, attempts: 0, lastSeen: START };
    writer.saveCursors([cursor]);
    expect(seqs(take(2))).toEqual([4, "over-quota"]);
    const now = START + 2 * DAY_MS;
    writer.retain({ now, settledMs: HOUR_MS, appUnseenMs: DAY_MS, idempotencyMs: DAY_MS, batch: 100 });
    expect(seqs(take(4, { createdAt: now, expiresAt: now + DAY_MS }))).toEqual([5, 6, 7, "over-quota"]);
    writer.beginEpoch(1, epoch);
    writer.saveCursors([{ ...cursor, acked: 7 }]);
    expect(seqs(take(1, { createdAt: now, expiresAt: now + DAY_MS }))).toEqual(["over-quota"]);
  });

  test("is forgotten when a batch fails, at its statements or at its commit", () => {
    const [first] = [aMessage()];
    writer.accept([first as ReturnType<typeof aMessage>]);
    expect(() => writer.accept([aMessage(), first as ReturnType<typeof aMessage>])).toThrow("UNIQUE");
    expect(row()).toEqual({ top: 1, bytes: 100 });
    expect(seqs(take(1))).toEqual([2]);
    // A constraint that is looked at with the commit.
    own.run("CREATE TABLE late (id INTEGER REFERENCES user(id) DEFERRABLE INITIALLY DEFERRED)");
    own.run("CREATE TEMP TRIGGER fail AFTER INSERT ON message BEGIN INSERT INTO late VALUES (99); END");
    expect(() => take(1)).toThrow("FOREIGN KEY");
    own.run("DROP TRIGGER fail");
    expect(row()).toEqual({ top: 2, bytes: 200 });
    expect(seqs(take(1))).toEqual([3]);
  });

  test("is read once: a batch costs no look at a stream that nobody has touched", () => {
    take(1);
    let looks = 0;
    const looked = new Proxy(own, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (name !== "prepare") return typeof value === "function" ? value.bind(target) : value;
        return (sql: string) => {
          const statement = target.prepare(sql);
          if (!sql.startsWith("SELECT epoch")) return statement;
          return new Proxy(statement, {
            get: (inner, member) => {
              if (member === "get") looks += 1;
              const found = Reflect.get(inner, member, inner) as unknown;
              return typeof found === "function" ? found.bind(inner) : found;
            },
          });
        };
      },
    });
    const counted = new SqliteLogWriter(looked, QUOTA);
    counted.accept([aMessage({ userId: 2 })]);
    const after = looks;
    counted.accept([aMessage({ userId: 2 })]);
    counted.accept([aMessage({ userId: 2 })]);
    expect([after > 0, looks]).toEqual([true, after]);
  });
});
