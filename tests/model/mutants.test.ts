import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../bench/src/workspace.ts";
import plan from "./mutants.json" with { type: "json" };
import { mutants } from "./mutants.ts";

test("every bug has its place in the code, and one only", async () => {
  const misplaced: string[] = [];
  for (const { name, file, replace } of plan.mutants) {
    const places = (await Bun.file(join(ROOT, file)).text()).split(replace).length - 1;
    if (places !== 1) misplaced.push(`${name}: ${places} places in ${file}`);
  }
  expect(misplaced).toEqual([]);
});

test("the tests of the log find bugs that are planted in it", async () => {
  const report = await mutants(true);
  expect(report.problems).toEqual([]);
}, 180_000);
