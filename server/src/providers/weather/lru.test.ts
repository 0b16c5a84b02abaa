import { expect, test } from "bun:test";
import { Lru } from "./lru.ts";

test("Lru forgets what was not used for longest", () => {
  const lru = new Lru<number>(2);
  lru.set("a", 1);
  lru.set("b", 2);
  expect(lru.get("a")).toBe(1);
  lru.set("c", 3);
  expect([lru.get("a"), lru.get("b"), lru.get("c")]).toEqual([1, undefined, 3]);
  lru.set("a", 4);
  expect([lru.size, lru.get("a"), lru.get("c")]).toEqual([2, 4, 3]);
  lru.delete("a");
  expect([lru.size, lru.get("a")]).toEqual([1, undefined]);
});
