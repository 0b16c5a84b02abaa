import { expect, test } from "bun:test";
import { mutants } from "./mutants.ts";

test("the tests of the log find bugs that are planted in it", async () => {
  const report = await mutants(true);
  expect(report.problems).toEqual([]);
}, 180_000);
