import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Kysely, sql, type Transaction } from "kysely";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { DEFAULT_QUOTA, type LogStore } from "./log-store.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { SqliteLog } from "./sqlite-log.ts";
import { InlineWriter, type SqliteWriter, ThreadWriter } from "./sqlite-writer.ts";
import type { Tables } from "./tables.ts";
import { acceptOne, failureOf, seqs } from "./testing/log-under-test.ts";
import { SqliteFile } from "./testing/sqlite-file.ts";

const WRITERS = ["inline", "thread"] as const;

describe.each(WRITERS)("management queries through the %s writer", (kind) => {
  let file: SqliteFile;
  let writer: SqliteWriter;
  let db: Kysely<Tables>;
  let log: LogStore;
  let reader: Database;
  beforeEach(async () => {
    file = await SqliteFile.make();
    reader = file.connect();
    writer =
      kind === "inline" ? new InlineWriter(file.connect(), DEFAULT_QUOTA) : new ThreadWriter(file.path, DEFAULT_QUOTA);
    db = new Kysely<Tables>({ dialect: sqliteDialect(reader, writer) });
    log = new SqliteLog(reader, writer, new ManualClock());
  });
  afterEach(async () => {
    await writer.close();
    file[Symbol.dispose]();
  });

  const insert = (username: string, on: Kysely<Tables> = db) =>
    on
      .insertInto("user")
      .values({ username, password_hash: null, is_admin: 0, is_active: 1, created_at: 0 })
      .returning("username")
      .executeTakeFirstOrThrow();
  const names = async (on: Kysely<Tables> = db) => {
    const users = await on.selectFrom("user").select("username").where("id", ">", 3).orderBy("id").execute();
    return users.map(({ username }) => username);
  };

  /** A transaction that stays open until it is told to go on; `entered` once it has begun. */
  const openTransaction = (username: string, work: (trx: Transaction<Tables>) => Promise<unknown> = async () => {}) => {
    const entered = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const done = db.transaction().execute(async (trx) => {
      await insert(username, trx);
      entered.resolve();
      await goOn.promise;
      await work(trx);
    });
    // Whoever awaits it sees the failure all the same.
    done.catch(() => undefined);
    return { entered: entered.promise, goOn: () => goOn.resolve(), done };
  };

  test("reads, writes and answers what changed", async () => {
    expect(await insert("anna")).toEqual({ username: "anna" });
    expect(await names()).toEqual(["anna"]);
    const { numUpdatedRows } = await db
      .updateTable("user")
      .set({ is_active: 0 })
      .where("id", "<=", 2)
      .executeTakeFirst();
    expect(numUpdatedRows).toBe(2n);
    const { numDeletedRows } = await db.deleteFrom("user").where("username", "=", "anna").executeTakeFirst();
    expect(numDeletedRows).toBe(1n);
    const { insertId } = await db
      .insertInto("device")
      .values({ name: "d", is_primary: 0, created_at: 0 })
      .executeTakeFirst();
    expect(insertId).toBe(13n);
  });

  test("an accept during a transaction waits for its end, and is no part of it", async () => {
    const transaction = openTransaction("anna");
    await transaction.entered;
    const accepted = acceptOne(log);
    const cursor = log.createCursorAtTop({ userId: 2, consumer: "app:2:phone" });
    // Its own statements pass, and see what it has written; others see nothing of it.
    expect(await names()).toEqual([]);
    transaction.goOn();
    await transaction.done;
    expect(await accepted).toEqual({ kind: "accepted", seq: 1 });
    expect(await cursor).toMatchObject({ acked: 0 });
    expect([await names(), await seqs(log)]).toEqual([["anna"], [1]]);
  });

  test("a transaction sees what it has written", async () => {
    const seen = await db.transaction().execute(async (trx) => {
      await insert("anna", trx);
      return names(trx);
    });
    expect(seen).toEqual(["anna"]);
  });

  test("a transaction that is rolled back loses only its own", async () => {
    const transaction = openTransaction("anna", () => Promise.reject(new Error("no")));
    await transaction.entered;
    const accepted = acceptOne(log);
    transaction.goOn();
    expect((await failureOf(transaction.done)).message).toContain("no");
    expect(await accepted).toEqual({ kind: "accepted", seq: 1 });
    expect([await names(), await seqs(log)]).toEqual([[], [1]]);
  });

  test("transactions and single writes take turns", async () => {
    const first = openTransaction("anna", () => Promise.reject(new Error("no")));
    await first.entered;
    const second = openTransaction("berta");
    const single = insert("cleo");
    first.goOn();
    second.goOn();
    expect((await failureOf(first.done)).message).toContain("no");
    await Promise.all([second.done, single]);
    expect(await names()).toEqual(["berta", "cleo"]);
  });

  test("a commit that fails keeps nothing of its transaction, and nobody waiting", async () => {
    const transaction = openTransaction("anna", async (trx) => {
      await sql`PRAGMA defer_foreign_keys = ON`.execute(trx);
      await trx.insertInto("device").values({ name: "d", user_id: 999, is_primary: 0, created_at: 0 }).execute();
    });
    await transaction.entered;
    const accepted = acceptOne(log);
    const next = openTransaction("berta");
    next.goOn();
    transaction.goOn();
    expect((await failureOf(transaction.done)).message).toContain("FOREIGN KEY");
    await next.done;
    expect(await accepted).toEqual({ kind: "accepted", seq: 1 });
    expect(await names()).toEqual(["berta"]);
  });

  test("a transaction that the database itself rolled back keeps nobody waiting, and tells why", async () => {
    const transaction = openTransaction("anna", async (trx) => {
      await sql`INSERT OR ROLLBACK INTO user(id, username, created_at) VALUES (1, 'x', 0)`.execute(trx);
    });
    await transaction.entered;
    const accepted = acceptOne(log);
    transaction.goOn();
    expect((await failureOf(transaction.done)).message).toContain("UNIQUE");
    expect(await accepted).toEqual({ kind: "accepted", seq: 1 });
    expect(await insert("berta")).toEqual({ username: "berta" });
    expect(await names()).toEqual(["berta"]);
  });

  test("a transaction that cannot begin keeps nobody waiting", async () => {
    await writer.call("query", "PRAGMA busy_timeout = 0", []);
    const other = file.connect();
    other.run("BEGIN IMMEDIATE");
    expect((await failureOf(db.transaction().execute((trx) => insert("anna", trx)))).message).toContain("locked");
    expect((await failureOf(insert("anna"))).message).toContain("locked");
    other.run("COMMIT");
    await insert("berta");
    expect(await names()).toEqual(["berta"]);
  });
});
