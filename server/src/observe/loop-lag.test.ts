import { expect, test } from "bun:test";
import type { Clock } from "../platform/clock.ts";
import { LoopLag } from "./loop-lag.ts";

/** A clock whose timer comes as late as the test says. */
function start() {
  let now = 0;
  let tick = () => {};
  const clock: Partial<Clock> = {
    monotonic: () => now,
    every: (_, task) => {
      tick = task;
      return { stop: () => {} };
    },
  };
  const lag = new LoopLag(clock as Clock);
  const late = (ms: number) => {
    now += 200 + ms;
    tick();
  };
  return { lag, late };
}

test("is the longest lateness of late, and forgets it", () => {
  const { lag, late } = start();
  late(0);
  expect(lag.longestMs).toBe(0);
  late(120);
  late(30);
  expect(lag.longestMs).toBe(120);
  for (let tick = 0; tick < 75; tick++) late(0);
  expect(lag.longestMs).toBe(120);
  for (let tick = 0; tick < 75; tick++) late(0);
  expect(lag.longestMs).toBe(0);
});

test("a timer that comes early is not late", () => {
  const { lag, late } = start();
  late(-50);
  expect(lag.longestMs).toBe(0);
});
