import { expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import { queueStoreContract } from "./queue-store.contract.ts";
import { PostgresDatabases } from "./testing/postgres-database.ts";

const databases = new PostgresDatabases();
const CAPACITY = { waiting: 5, setAside: 3 };

queueStoreContract("PostgresQueue", async () => {
  const database = await databases.open(new ManualClock());
  return {
    queue: database.queue(CAPACITY),
    reopen: () => database.queue(CAPACITY),
    erase: async (userId) => {
      await database.run(`DELETE FROM "user" WHERE id = ${userId}`);
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
});

test("of an erased user's frames nothing is kept in the database's tables", async () => {
  await using database = await databases.open(new ManualClock());
  const queue = database.queue();
  const frame = '{"type":"note","message":"a secret"}';
  await queue.enqueue([1, 1].map((userId) => ({ userId, frame, createdAt: 1, idempotency: null })));
  await queue.setAside((await queue.next(0, 1))[0]?.id ?? 0, "bad type");
  await database.run('DELETE FROM "user" WHERE id = 1');
  const kept = await database.run("SELECT frame, reason, failed_at > 0 AS failed FROM queue ORDER BY id");
  expect([...kept]).toEqual([
    { frame: "null", reason: "bad type", failed: true },
    { frame: "null", reason: "user erased", failed: true },
  ]);
});
