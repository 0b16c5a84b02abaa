import { expect, test } from "bun:test";
import { redisAway } from "./redis-away.ts";

test("without Redis, and with a Redis that forgets, is silent or drops every hint, nothing is lost or reordered", async () => {
  const report = await redisAway(true);
  expect(report.problems).toEqual([]);
}, 240_000);
