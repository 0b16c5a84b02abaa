import { describe, expect, spyOn, test } from "bun:test";
import { SystemClock } from "./clock.ts";

describe("SystemClock", () => {
  const clock = new SystemClock();

  test("tells the wall clock's time, also as ISO 8601 with Z", () => {
    const before = Date.now();
    const said = Date.parse(clock.iso());
    const now = clock.now();
    const after = Date.now();
    expect(clock.iso()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    for (const time of [said, now]) {
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(after);
    }
  });

  test("tells it by a look at the monotonic clock, to the millisecond, and follows a step within one", () => {
    // In microseconds, so that no rounding is left.
    let wall = 1_700_000_000_000_250;
    let monotonic = 0;
    const stepped = new SystemClock();
    using _wall = spyOn(Date, "now").mockImplementation(() => Math.floor(wall / 1000));
    const pass = (micros: number) => {
      wall += micros;
      monotonic += micros;
      return Date.parse(stepped.isoAt(monotonic / 1000));
    };
    // Each look at a new millisecond says to one more of a hundred places where in it the wall clock is.
    for (let i = 0; i < 1000; i++) pass(1010);
    for (let i = 0; i < 5000; i++) expect(pass(130) * 1000).toBe(wall - (wall % 1000));
    for (const step of [3_600_000_000, -3_600_000_000]) {
      wall += step;
      pass(1000);
      for (let i = 0; i < 1000; i++) pass(1010);
      for (let i = 0; i < 5000; i++) expect(pass(130) * 1000).toBe(wall - (wall % 1000));
    }
  });

  test("its monotonic time passes with its timers", async () => {
    const start = clock.monotonic();
    await new Promise<void>((resolve) => clock.after(5, resolve));
    expect(clock.monotonic() - start).toBeGreaterThanOrEqual(4);
  });

  test("every repeats until it is stopped, twice too", async () => {
    let runs = 0;
    await new Promise<void>((resolve) => {
      const timer = clock.every(1, () => {
        if (++runs < 3) return;
        timer.stop();
        timer.stop();
        resolve();
      });
    });
    await new Promise<void>((resolve) => clock.after(5, resolve));
    expect(runs).toBe(3);
  });

  test("a timer that was stopped does not run", async () => {
    let ran = false;
    clock.after(1, () => (ran = true)).stop();
    await new Promise<void>((resolve) => clock.after(5, resolve));
    expect(ran).toBe(false);
  });

  test("timers do not keep the process alive", () => {
    const url = new URL("./clock.ts", import.meta.url).pathname;
    const script = `const { SystemClock } = await import(${JSON.stringify(url)});
      const clock = new SystemClock();
      clock.after(60_000, () => {});
      clock.every(60_000, () => {});`;
    expect(Bun.spawnSync([process.execPath, "-e", script], { timeout: 10_000 }).exitCode).toBe(0);
  });
});
