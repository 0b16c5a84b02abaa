import { expect, test } from "bun:test";
import fc from "fast-check";
import { isDeeperThan } from "./json-depth.ts";

function depth(value: unknown): number {
  return typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
}

test("isDeeperThan agrees with the depth itself", () => {
  const anything = fc.anything({ maxDepth: 6, maxKeys: 4, values: [fc.integer(), fc.string(), fc.constant(null)] });
  fc.assert(
    fc.property(anything, fc.nat(7), (value, levels) => {
      expect(isDeeperThan(value, levels)).toBe(depth(value) > levels);
    }),
    { numRuns: 1_000 },
  );
});
