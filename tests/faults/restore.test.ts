import { expect, test } from "bun:test";
import { restore } from "./restore.ts";

test("a restored backup is told to every device, and again when it has overtaken them", async () => {
  const report = await restore(true);
  expect(report.problems).toEqual([]);
}, 180_000);
