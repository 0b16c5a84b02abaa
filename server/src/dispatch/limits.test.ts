import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { exceedsCodePoints, Meter, PrincipalMeters, type Rate } from "./limits.ts";

/** The textbook's bucket, in whole units of 1/windowMs of a token so that nothing is rounded. */
class Bucket {
  #units: number;
  #at = 0;

  constructor(private readonly rate: Rate) {
    this.#units = rate.burst * rate.windowMs;
  }

  take(now: number): boolean {
    const { burst, windowMs } = this.rate;
    this.#units = Math.min(burst * windowMs, this.#units + (now - this.#at) * burst);
    this.#at = now;
    if (this.#units < windowMs) return false;
    this.#units -= windowMs;
    return true;
  }
}

const rates = fc.record({ burst: fc.integer({ min: 1, max: 200 }), windowMs: fc.integer({ min: 1, max: 120_000 }) });
/** Pauses between events, in whole milliseconds: none, short, long. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.nat(5_000), fc.nat(200_000)), { maxLength: 400 });

describe("Meter", () => {
  test("lets through what a token bucket lets through", () => {
    fc.assert(
      fc.property(rates, pauses, (rate, steps) => {
        const meter = new Meter();
        const bucket = new Bucket(rate);
        let now = 0;
        for (const step of steps) {
          now += step;
          expect(meter.take(now, rate) === 0).toBe(bucket.take(now));
        }
      }),
    );
  });

  test("a refused event passes after the wait it was told, and not a millisecond sooner", () => {
    fc.assert(
      fc.property(rates, fc.nat(1_000_000), (rate, start) => {
        const meter = new Meter();
        for (let i = 0; i < rate.burst; i++) expect(meter.take(start, rate)).toBe(0);
        const wait = meter.take(start, rate);
        expect(wait).toBeGreaterThan(0);
        expect(meter.take(start + wait - 1, rate)).toBeGreaterThan(0);
        expect(meter.take(start + wait, rate)).toBe(0);
      }),
    );
  });

  test("the default rate: 100 at once, then one every 600 ms", () => {
    const meter = new Meter();
    const rate = { burst: 100, windowMs: 60_000 };
    const waits = Array.from({ length: 101 }, () => meter.take(5_000.25, rate));
    expect(waits).toEqual([...Array.from({ length: 100 }, () => 0), 600]);
    expect([meter.take(5_600.2, rate), meter.take(5_600.25, rate), meter.take(5_600.25, rate)]).toEqual([1, 0, 600]);
  });

  test("is idle once all of the burst is there again", () => {
    const meter = new Meter();
    const rate = { burst: 10, windowMs: 1_000 };
    expect(meter.isIdle(0)).toBe(true);
    meter.take(0, rate);
    meter.take(0, rate);
    expect([meter.isIdle(199), meter.isIdle(200)]).toEqual([false, true]);
  });
});

describe("PrincipalMeters", () => {
  const rate = { burst: 2, windowMs: 1_000 };
  const spend = (meters: PrincipalMeters, key: string) => {
    while (meters.get(key).take(0, rate) === 0);
  };

  test("sockets and requests of one principal share a meter; others have their own", () => {
    const meters = new PrincipalMeters();
    const socket = meters.hold("user:1");
    expect(meters.hold("user:1")).toBe(socket);
    expect(meters.get("user:1")).toBe(socket);
    expect(meters.get("device:1")).not.toBe(socket);
  });

  test("requests made before the first socket count for it", () => {
    const meters = new PrincipalMeters();
    const requests = meters.get("user:1");
    expect(meters.hold("user:1")).toBe(requests);
  });

  test("reconnecting resets nothing, until the meter is as good as new", () => {
    const meters = new PrincipalMeters();
    meters.hold("user:1");
    spend(meters, "user:1");
    meters.release("user:1");
    meters.sweep(999);
    expect(meters.hold("user:1").take(0, rate)).toBeGreaterThan(0);
    meters.release("user:1");
    meters.sweep(1_000);
    expect(meters.hold("user:1").take(0, rate)).toBe(0);
  });

  test("a meter stays while any connection holds it, and releasing what nobody holds does nothing", () => {
    const meters = new PrincipalMeters();
    const meter = meters.hold("user:1");
    meters.hold("user:1");
    meters.release("user:1");
    meters.release("user:2");
    meters.sweep(Number.POSITIVE_INFINITY);
    expect(meters.get("user:1")).toBe(meter);
  });

  test("of too many without a connection the one unused for longest is forgotten", () => {
    const meters = new PrincipalMeters();
    spend(meters, "user:busy");
    spend(meters, "user:quiet");
    for (let i = 0; i < 9_998; i++) meters.get(`user:${i}`);
    spend(meters, "user:busy");
    meters.get("user:one-too-many");
    expect(meters.get("user:busy").take(0, rate)).toBeGreaterThan(0);
    expect(meters.get("user:quiet").take(0, rate)).toBe(0);
  });
});

describe("exceedsCodePoints", () => {
  /** Text of every kind of code unit, lone surrogates too. */
  const text = fc
    .array(fc.constantFrom("a", "界", "𠮷", "\ud800", "\udc00", "👩‍👩‍👧", "\u0000"), { maxLength: 60 })
    .map((parts) => parts.join(""));

  test("counts code points as iteration does", () => {
    fc.assert(
      fc.property(text, fc.nat(80), (value, max) => {
        expect(exceedsCodePoints(value, max)).toBe([...value].length > max);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["", 0, false],
    ["a", 0, true],
    ["𠮷".repeat(10_240), 10_240, false],
    ["𠮷".repeat(10_241), 10_240, true],
    ["a".repeat(10_240), 10_240, false],
    ["a".repeat(10_241), 10_240, true],
    [`${"𠮷".repeat(10_239)}\ud800`, 10_240, false],
    [`${"𠮷".repeat(10_239)}\ud800\ud800`, 10_240, true],
  ])("%#: at the edge", (value, max, exceeds) => {
    expect(exceedsCodePoints(value, max)).toBe(exceeds);
  });
});
