import { expect, test } from "bun:test";
import { promises } from "./promises.ts";

test("one key, one message; a revocation ends at once; a long handler runs once; an original client misses nothing; a quota loses nothing", async () => {
  const report = await promises(true);
  expect(report.problems).toEqual([]);
}, 180_000);
