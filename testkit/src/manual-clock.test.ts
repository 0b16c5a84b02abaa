import { describe, expect, test } from "bun:test";
import { ManualClock } from "./manual-clock.ts";

describe("ManualClock", () => {
  test("stands still until it is moved", () => {
    const clock = new ManualClock();
    clock.advance(1_500);
    expect([clock.monotonic(), clock.iso()]).toEqual([1_500, "2026-01-01T00:00:01.500Z"]);
    clock.stepWall(-500);
    expect([clock.monotonic(), clock.iso()]).toEqual([1_500, "2026-01-01T00:00:01.000Z"]);
  });

  test("runs timers in order, each at its own time, with those started on the way", () => {
    const clock = new ManualClock();
    const ran: [string, number][] = [];
    const note = (name: string) => ran.push([name, clock.monotonic()]);
    clock.after(30, () => note("late"));
    clock.after(10, () => {
      note("early");
      clock.after(5, () => note("started on the way"));
    });
    clock.after(30, () => note("late too"));
    clock.after(41, () => note("not yet"));
    clock.advance(40);
    expect(ran).toEqual([
      ["early", 10],
      ["started on the way", 15],
      ["late", 30],
      ["late too", 30],
    ]);
    expect(clock.timers).toBe(1);
  });

  test("repeats until it is stopped, from within too", () => {
    const clock = new ManualClock();
    let runs = 0;
    const timer = clock.every(10, () => {
      if (++runs === 3) timer.stop();
    });
    clock.advance(100);
    expect([runs, clock.timers]).toEqual([3, 0]);
  });
});
