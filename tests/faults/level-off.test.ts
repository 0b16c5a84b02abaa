import { expect, test } from "bun:test";
import { levelOff } from "./level-off.ts";

test("at a steady rate of acknowledged messages the database stops growing", async () => {
  const report = await levelOff(true);
  expect(report.problems).toEqual([]);
}, 180_000);
