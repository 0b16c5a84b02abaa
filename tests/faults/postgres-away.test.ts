import { expect, test } from "bun:test";
import { postgresAway } from "./postgres-away.ts";

test("nothing is taken while PostgreSQL is away, and nothing that was taken is lost", async () => {
  const report = await postgresAway(true);
  expect(report.problems).toEqual([]);
}, 240_000);
