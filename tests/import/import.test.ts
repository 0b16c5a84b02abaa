import { expect, test } from "bun:test";
import { importSite } from "./import.ts";

test("a Django site moves in, over kill -9, once and no more", async () => {
  const report = await importSite(true);
  expect(report.problems).toEqual([]);
}, 120_000);
