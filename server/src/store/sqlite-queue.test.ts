import { expect, test } from "bun:test";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { queueStoreContract } from "./queue-store.contract.ts";
import { SqliteQueue } from "./sqlite-queue.ts";
import { InlineWriter, type SqliteWriter, ThreadWriter } from "./sqlite-writer.ts";
import { SqliteFile } from "./testing/sqlite-file.ts";

const CAPACITY = { waiting: 5, setAside: 3 };

for (const how of ["inline", "thread"] as const) {
  queueStoreContract(`SqliteQueue, writing ${how}`, async () => {
    const file = await SqliteFile.make();
    const clock = new ManualClock();
    const database = file.connect();
    const writer: SqliteWriter =
      how === "inline" ? new InlineWriter(database, DEFAULT_QUOTA) : new ThreadWriter(file.path, DEFAULT_QUOTA);
    return {
      queue: new SqliteQueue(database, writer, clock, CAPACITY),
      reopen: () => new SqliteQueue(file.connect(), writer, clock),
      erase: (userId) => {
        file.connect().run("DELETE FROM user WHERE id = ?", [userId]);
      },
      [Symbol.asyncDispose]: async () => {
        await writer.close();
        file[Symbol.dispose]();
      },
    };
  });
}

test("of an erased user's frames nothing is kept in the file's tables", async () => {
  using file = await SqliteFile.make();
  const database = file.connect();
  const queue = new SqliteQueue(database, new InlineWriter(database, DEFAULT_QUOTA), new ManualClock());
  const frame = '{"type":"note","message":"a secret"}';
  await queue.enqueue([1, 1].map((userId) => ({ userId, frame, createdAt: 1, idempotency: null })));
  await queue.setAside(queue.next(0, 1)[0]?.id ?? 0, "bad type");
  database.run("DELETE FROM user WHERE id = 1");
  expect(database.query("SELECT frame, reason, failed_at > 0 AS failed FROM queue ORDER BY id").all()).toEqual([
    { frame: "null", reason: "bad type", failed: 1 },
    { frame: "null", reason: "user erased", failed: 1 },
  ]);
});
