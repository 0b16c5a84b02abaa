import { expect, test } from "bun:test";
import { Counts, Tally } from "./counts.ts";

test("a tally shows every key it knows, and what it does not know as other", () => {
  const tally = new Tally<string>(["a", "b"]);
  for (const key of ["a", "a", "made up", "made up too"]) tally.add(key);
  expect([...tally.entries()]).toEqual([
    ["a", 2],
    ["b", 0],
    ["other", 2],
  ]);
  expect(tally.total).toBe(4);
});

test("a peer's close code makes no series of its own", () => {
  const { closed } = new Counts();
  for (let code = 3000; code < 4000; code++) closed.add(code);
  closed.add(1006);
  closed.add(4009);
  const seen = [...closed.entries()].filter(([, count]) => count > 0);
  expect(seen).toEqual([
    [1006, 1],
    [4009, 1],
    ["other", 1000],
  ]);
});
