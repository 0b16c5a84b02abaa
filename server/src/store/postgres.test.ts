import { expect, test } from "bun:test";
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

test("every migration is there for both databases, under one name", () => {
  expect(Object.keys(postgresMigrations)).toEqual(Object.keys(migrations));
});
