import { expect, test } from "bun:test";
import { stalled } from "./stalled.ts";

test("stalled consumers cost little memory, and get their whole backlog in order when they read again", async () => {
  const report = await stalled(true);
  expect(report.problems).toEqual([]);
}, 180_000);
