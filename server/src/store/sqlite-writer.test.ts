import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { DEFAULT_QUOTA, type LogStore } from "./log-store.ts";
import { SqliteLog } from "./sqlite-log.ts";
import { InlineWriter, type SqliteWriter, ThreadWriter, WriterError } from "./sqlite-writer.ts";
import { acceptMany, acceptOne, ackedBy, aMessage, failureOf, save, seqs } from "./testing/log-under-test.ts";
import { SqliteFile } from "./testing/sqlite-file.ts";

let file: SqliteFile;
beforeEach(async () => {
  file = await SqliteFile.make();
});
afterEach(() => file[Symbol.dispose]());

const WRITERS: readonly [string, () => SqliteWriter][] = [
  ["inline", () => new InlineWriter(file.connect(), DEFAULT_QUOTA)],
  ["thread", () => new ThreadWriter(file.path, DEFAULT_QUOTA)],
];

describe.each(WRITERS)("the %s writer", (_, make) => {
  let writer: SqliteWriter;
  let log: LogStore;
  beforeEach(() => {
    writer = make();
    log = new SqliteLog(file.connect(), writer, new ManualClock());
  });
  afterEach(() => writer.close());

  const pragma = async (statement: string) => {
    const [row = {}] = (await writer.call("query", `PRAGMA ${statement}`, [])).rows;
    return Object.values(row as object)[0] as unknown;
  };

  test("waits for the disk at every commit", async () => {
    expect(await pragma("synchronous")).toBe(2);
    expect(await pragma("journal_mode")).toBe("wal");
    expect(await pragma("foreign_keys")).toBe(1);
  });

  test("a full disk refuses the batch, keeps nothing of it, and is got over", async () => {
    await acceptMany(log, 2);
    const pages = Number(await pragma("page_count"));
    await pragma(`max_page_count = ${pages + 2}`);
    const small = aMessage({ idempotency: { caller: "user:1", key: "k", fingerprint: "f" } });
    expect((await failureOf(log.accept([small, aMessage({ head: "x".repeat(100_000) })]))).message).toContain("full");
    expect(await seqs(log)).toEqual([1, 2]);
    expect(await log.position(1)).toMatchObject({ top: 2 });
    await pragma("max_page_count = 1000000");
    expect(await log.accept([small])).toEqual([{ kind: "accepted", seq: 3 }]);
  });

  test("a message that the database refuses takes its batch with it, and no other", async () => {
    const [taken] = await acceptMany(log, 1);
    const batches = [[aMessage()], [aMessage(), aMessage({ messageId: taken?.messageId ?? "" })], [aMessage()]];
    const outcomes = await Promise.allSettled(batches.map((batch) => log.accept(batch)));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await seqs(log)).toEqual([1, 2, 3]);
  });

  test("cursors that cannot be written are an error, not a loss in silence", async () => {
    await acceptMany(log, 2);
    await pragma("query_only = ON");
    expect((await failureOf(save(log, "user:1", { acked: 1 }))).message).toContain("readonly");
    expect((await failureOf(acceptOne(log))).message).toContain("readonly");
    await pragma("query_only = OFF");
    await save(log, "user:1", { acked: 2 });
    expect(await ackedBy(log, "user:1")).toBe(2);
  });

  test("whoever waits for another process's transaction gets it done when that ends", async () => {
    await pragma("busy_timeout = 0");
    const other = file.connect();
    other.run("BEGIN IMMEDIATE");
    expect((await failureOf(acceptOne(log))).message).toContain("locked");
    other.run("COMMIT");
    expect(await acceptOne(log)).toEqual({ kind: "accepted", seq: 1 });
  });

  test("a device that is erased takes along its messages from the logs of all who had it", async () => {
    file.bind(11, 1);
    await acceptMany(log, 2, { deviceId: 11 });
    const other = file.connect();
    other.run("UPDATE device SET user_id = 2 WHERE id = 11");
    await acceptMany(log, 1, { userId: 2, deviceId: 11 });
    await acceptMany(log, 1);
    other.run("UPDATE device SET user_id = NULL WHERE id = 11");
    other.run("DELETE FROM device WHERE id = 11");
    expect(other.query("SELECT user_id, seq FROM message").values()).toEqual([[1, 3]]);
  });

  test("who is erased leaves nothing behind, and a device none of its messages", async () => {
    file.bind(11, 1);
    file.bind(12, 2);
    await acceptMany(log, 2);
    await acceptMany(log, 2, { deviceId: 11 });
    await acceptMany(log, 2, { userId: 2 });
    await save(log, "app:1:phone", { acked: 1 });
    const other = file.connect();
    const remaining = (table: string) => other.query(`SELECT user_id FROM ${table} ORDER BY user_id`).values().flat();
    for (const table of ["idempotency", "queue_key", "creation_key"]) {
      const [what, kept] =
        table === "idempotency" ? ["message_id", "''"] : [table === "queue_key" ? "size" : "subject_id", 1];
      for (const caller of ["user:1", "user:2", "device:11"])
        other.run(
          `INSERT INTO ${table}(caller, key, fingerprint, ${what}, created_at) VALUES ('${caller}', 'k', '', ${kept}, 0)`,
        );
    }
    other.run("DELETE FROM device WHERE id = 11");
    expect(remaining("message")).toEqual([1, 1, 2, 2]);
    expect(remaining("cursor")).toEqual([1, 2]);
    other.run("DELETE FROM user WHERE id = 1");
    for (const table of ["idempotency", "queue_key", "creation_key"])
      expect(other.query(`SELECT caller FROM ${table}`).values().flat()).toEqual(["user:2"]);
    for (const table of ["message", "stream"]) expect(new Set(remaining(table))).toEqual(new Set([2]));
    // What its connection writes as it ends comes too late.
    await save(log, "app:1:phone", { acked: 2 });
    await save(log, "user:1", { acked: 2 });
    expect(remaining("cursor")).toEqual([2]);
    expect((await acceptOne(log)).kind).toBe("no-user");
  });
});

describe("the writer's thread", () => {
  test("finishes what it was asked before it closes, and answers nothing after", async () => {
    const writer = new ThreadWriter(file.path, DEFAULT_QUOTA);
    const asked = Array.from({ length: 20 }, () => writer.call("accept", [aMessage()]));
    await writer.close();
    const outcomes = (await Promise.all(asked)).flat();
    expect(outcomes).toEqual(outcomes.map((_, index) => ({ kind: "accepted", seq: index + 1 })));
    expect(await failureOf(writer.call("accept", [aMessage()]))).toBeInstanceOf(WriterError);
    await writer.close();
  });

  test("names SQLite's code", async () => {
    const writer = new ThreadWriter(file.path, DEFAULT_QUOTA);
    const failing = writer.call("query", "INSERT INTO user(id, username, created_at) VALUES (1, 'x', 0)", []);
    expect(await failureOf(failing)).toMatchObject({ name: "WriterError", code: "SQLITE_CONSTRAINT_PRIMARYKEY" });
    await writer.close();
  });

  test("that cannot open its database fails every call", async () => {
    const writer = new ThreadWriter(`${file.path}.nowhere/x.db`, DEFAULT_QUOTA);
    expect(await failureOf(writer.call("accept", [aMessage()]))).toBeInstanceOf(WriterError);
    expect(await failureOf(writer.call("accept", [aMessage()]))).toBeInstanceOf(WriterError);
    await writer.close();
  });

  test("what it accepted outlives a process that is killed", async () => {
    const child = Bun.spawn([process.execPath, `${import.meta.dir}/testing/accept-forever.ts`, file.path], {
      stdout: "pipe",
      stderr: "inherit",
    });
    let printed = "";
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      printed += decoder.decode(chunk, { stream: true });
      if (printed.length > 4_000) child.kill("SIGKILL");
    }
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    const promised = printed.slice(0, printed.lastIndexOf("\n")).split("\n");
    expect(promised.length).toBeGreaterThan(300);
    const database = new Database(file.path, { readonly: true });
    const stored = database.query("SELECT message_id, seq FROM message ORDER BY seq").values() as [string, number][];
    const [top] = database.query("SELECT top FROM stream WHERE user_id = 1").values().flat();
    database.close();
    const ids = new Set(stored.map(([id]) => id));
    expect(promised.filter((id) => !ids.has(id))).toEqual([]);
    expect(stored.map(([, seq]) => seq)).toEqual(stored.map((_, index) => index + 1));
    expect(top).toBe(stored.length);
  });
});
