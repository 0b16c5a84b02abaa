import { describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import { Refusals } from "./refusals.ts";

const TOKEN = "lty_refused";
const ADDRESS = "203.0.113.9";

function start(refusals: number, clock = new ManualClock()) {
  const list = new Refusals(clock);
  for (let i = 0; i < refusals; i++) list.record(TOKEN, ADDRESS, 0);
  return { list, clock, delay: () => list.delayFor(TOKEN, ADDRESS) };
}

describe("Refusals", () => {
  test("the first 5 are answered at once; from the 6th on it takes 1 s, doubling to 30 s", () => {
    const { list, clock } = start(0);
    const delays = Array.from({ length: 13 }, () => {
      const delayMs = list.delayFor(TOKEN, ADDRESS);
      list.record(TOKEN, ADDRESS, delayMs);
      clock.advance(delayMs);
      return delayMs / 1000;
    });
    expect(delays).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
  });

  test.each([
    ["another token", "lty_other", ADDRESS, ""],
    ["the same from another address", TOKEN, "203.0.113.10", ""],
    ["the same asking for something else", TOKEN, ADDRESS, "device 3"],
  ])("%s is looked up", (_, token, address, asked) => {
    const { list } = start(10);
    expect(list.delayFor(token, address, asked)).toBe(0);
  });

  test("are forgotten a minute after the last was said", () => {
    const { list, clock, delay } = start(6);
    clock.advance(60_000);
    expect(delay()).toBe(2_000);
    list.record(TOKEN, ADDRESS, 2_000);
    clock.advance(62_000);
    expect(delay()).toBe(4_000);
    clock.advance(1);
    expect(delay()).toBe(0);
    list.record(TOKEN, ADDRESS, 0);
    expect(delay()).toBe(0);
  });

  test("are all forgotten on request", () => {
    const { list, delay } = start(6);
    list.forget();
    expect(delay()).toBe(0);
  });

  test("do not mind the wall clock", () => {
    const { clock, delay } = start(6);
    clock.stepWall(3_600_000);
    expect(delay()).toBe(2_000);
  });

  test("of too many the one least recently refused is forgotten", () => {
    const { list, delay } = start(6);
    for (let i = 0; i < 9_999; i++) list.record(`lty_${i}`, ADDRESS, 0);
    list.record(TOKEN, ADDRESS, 0);
    list.record("lty_one-more", ADDRESS, 0);
    expect(delay()).toBe(4_000);
    for (let i = 0; i < 10_000; i++) list.record(`lty_${i}-again`, ADDRESS, 0);
    expect(delay()).toBe(0);
  });

  test("keep no token in clear", () => {
    const { list } = start(3);
    expect(Bun.inspect(list, { depth: 10 })).not.toContain(TOKEN);
  });
});
