import { expect, test } from "bun:test";
import { queueKills } from "./queue.ts";

test("kills in the middle of enqueuing lose nothing that was answered, and repeat and reorder nothing", async () => {
  const report = await queueKills(2);
  expect(report.problems).toEqual([]);
}, 180_000);
