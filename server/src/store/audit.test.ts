import { expect, test } from "bun:test";
import { Kysely } from "kysely";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { Audit } from "./audit.ts";
import { DEFAULT_QUOTA } from "./log-store.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { InlineWriter } from "./sqlite-writer.ts";
import type { Tables } from "./tables.ts";
import { SqliteFile } from "./testing/sqlite-file.ts";

test("of more changes than are kept the oldest go", async () => {
  using file = await SqliteFile.make();
  const database = file.connect();
  const dialect = sqliteDialect(database, new InlineWriter(database, DEFAULT_QUOTA));
  const audit = new Audit(new Kysely<Tables>({ dialect }), new ManualClock(), 3);
  for (const what of ["a", "b", "c", "d", "e"]) await audit.record({ who: "cli", what, subject: {}, requestId: null });
  const { items, total } = await audit.list({ limit: 10, offset: 0 });
  expect([total, items.map(({ what }) => what)]).toEqual([3, ["e", "d", "c"]]);
});
