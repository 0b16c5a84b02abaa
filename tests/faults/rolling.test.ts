import { expect, test } from "bun:test";
import { rolling } from "./rolling.ts";

test("nodes that are restarted one after the other say so to everybody, and lose nothing", async () => {
  const report = await rolling(true);
  expect(report.problems).toEqual([]);
}, 240_000);
