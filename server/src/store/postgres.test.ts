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

test("every migration of SQLite's is there too, under the same name", () => {
  expect(Object.keys(postgresMigrations).filter((name) => name in migrations)).toEqual(Object.keys(migrations));
});
