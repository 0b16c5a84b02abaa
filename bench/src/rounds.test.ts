import { expect, test } from "bun:test";
import { lineUp } from "./rounds.ts";

const all = (["ours", "bare", "echo", "socketio"] as const).map((name) => ({ name }));
const names = (round: number, random?: () => number) => lineUp(all, round, random).map(({ name }) => name);

test("every server takes part in every third round, the compared ones in each", () => {
  expect(names(0).toSorted()).toEqual(["bare", "echo", "ours", "socketio"]);
  expect(names(1).toSorted()).toEqual(["bare", "ours"]);
  expect(names(2).toSorted()).toEqual(["bare", "ours"]);
  expect(names(3)).toHaveLength(4);
});

test("the order is drawn for each round", () => {
  expect(names(1, () => 0)).toEqual(["bare", "ours"]);
  expect(names(1, () => 0.99)).toEqual(["ours", "bare"]);
});
