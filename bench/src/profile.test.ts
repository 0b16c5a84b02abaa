import { expect, test } from "bun:test";
import { hotSpots } from "./profile.ts";
import { ROOT } from "./workspace.ts";

test("self times are summed by function, the busiest first, without idling", () => {
  const node = (id: number, functionName: string, url = "", lineNumber = 0) => ({
    id,
    callFrame: { functionName, url, lineNumber },
  });
  const text = hotSpots({
    nodes: [
      node(1, "(root)"),
      node(2, "send", `file://${ROOT}/server/src/a.ts`, 9),
      node(3, "parse"),
      node(4, "parse"),
    ],
    samples: [1, 2, 3, 4, 2],
    timeDeltas: [9000, 1000, 3000, 3000, 1000],
  });
  expect(text.split("\n").map((line) => line.split(/\s{2,}/))).toEqual([
    ["function", "self ms", "share"],
    ["parse", "6", "75.0 %"],
    ["send server/src/a.ts:10", "2", "25.0 %"],
  ]);
});
