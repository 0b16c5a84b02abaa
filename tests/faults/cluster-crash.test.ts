import { expect, test } from "bun:test";
import { clusterCrash } from "./cluster-crash.ts";

test("kills of one of two nodes lose nothing, reorder nothing and repeat nothing unmarked", async () => {
  const report = await clusterCrash(true);
  expect(report.problems).toEqual([]);
}, 240_000);
