import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { Kysely } from "kysely";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { InlineWriter } from "./sqlite-writer.ts";
import { StoreError } from "./store.ts";
import type { Tables } from "./tables.ts";

const failures = [
  ["SQLITE_FULL", "could not be migrated: the disk is full"],
  ["SQLITE_CORRUPT", "could not be migrated: is damaged; restore a backup"],
  ["SQLITE_IOERR_GETTEMPPATH", "could not be migrated: there is no folder for temporary files; set TMPDIR to one"],
  ["SQLITE_ERROR", "could not be migrated: it would not"],
] as const;

test.each(failures)("a migration that fails with %s says why", async (code, line) => {
  using database = new Database(":memory:");
  const kysely = new Kysely<Tables>({ dialect: sqliteDialect(database, new InlineWriter(database, DEFAULT_QUOTA)) });
  const up = () => Promise.reject(Object.assign(new Error("it would not"), { code }));
  const failed = migrate(kysely, { ...migrations, "9999-failing": { up } });
  await expect(failed).rejects.toThrow(StoreError);
  await expect(failed).rejects.toThrow(new RegExp(`^${line}$`));
});
