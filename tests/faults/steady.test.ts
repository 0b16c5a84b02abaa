import { expect, test } from "bun:test";
import { steady } from "./steady.ts";

test("a steady load of durable messages arrives whole and in order", async () => {
  const report = await steady(true);
  expect(report.problems).toEqual([]);
}, 180_000);
