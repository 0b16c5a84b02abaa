import { expect, test } from "bun:test";
import { BatchSizes } from "./counts.ts";

test("batches are counted by size", () => {
  const sizes = new BatchSizes();
  for (const size of [1, 1, 2, 64]) sizes.add(size);
  expect([sizes.count, sizes.sum]).toEqual([4, 68]);
  expect([1, 2, 4, 63, 64].map((size) => sizes.upTo(size))).toEqual([2, 3, 3, 3, 4]);
});
