import { expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import { migrations } from "./migrations/index.ts";
import { postgresMigrations } from "./migrations/postgres/index.ts";
import { PostgresStore } from "./postgres.ts";
import { storeContract } from "./store.contract.ts";
import { PostgresDatabases } from "./testing/postgres-database.ts";

const databases = new PostgresDatabases();

storeContract({
  name: "PostgresStore",
  open: async (clock) => PostgresStore.open(await databases.make("empty"), clock),
});

test("a ticket is taken once and in its time, and of too many the oldest goes", async () => {
  const store = await PostgresStore.open(await databases.make("empty"), new ManualClock());
  const { shared } = store;
  const grant = { tokenId: 7, deviceId: null };
  await shared.saveTicket("late", grant, 0, 10);
  expect(await shared.takeTicket("late")).toBeNull();
  for (const hash of ["first", "second", "third"]) await shared.saveTicket(hash, { ...grant, deviceId: 3 }, 60_000, 2);
  expect(await shared.takeTicket("first")).toBeNull();
  expect(await shared.takeTicket("second")).toEqual({ tokenId: 7, deviceId: 3 });
  expect(await shared.takeTicket("second")).toBeNull();
  expect(await shared.takeTicket("unknown")).toBeNull();
  await store.close();
});

test("a node that counts as dead, and does not know, leaves neither connections nor claims", async () => {
  const url = await databases.make("empty");
  const [a, b] = [await PostgresStore.open(url, new ManualClock()), await PostgresStore.open(url, new ManualClock())];
  for (const { log } of [a, b]) await log.open();
  await (await databases.server()).run(url, `DELETE FROM node WHERE name = '${a.shared.nodeName}'`);
  const session = {
    id: "s",
    userId: 1,
    deviceId: 1,
    role: "device" as const,
    remote: "",
    connectedAt: 0,
    lastActivity: 0,
  };
  const key = { userId: 1, consumer: "device:1" };
  await a.shared.savePresence({ came: [session], gone: [] });
  await a.shared.claim(key);
  // It finds out, and joins again.
  await a.log.open();
  expect(await b.shared.sessions()).toEqual([]);
  expect((await b.shared.claim(key)).others).toEqual([]);
  await Promise.all([a, b].map((store) => store.close()));
});

test("every migration of SQLite's is there too, under the same name", () => {
  expect(Object.keys(postgresMigrations).filter((name) => name in migrations)).toEqual(Object.keys(migrations));
});
