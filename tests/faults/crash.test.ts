import { expect, test } from "bun:test";
import { crash } from "./crash.ts";

test("five kills in the middle of accepts lose nothing, reorder nothing and repeat nothing unmarked", async () => {
  const report = await crash(true);
  expect(report.problems).toEqual([]);
}, 180_000);
