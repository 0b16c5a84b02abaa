import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import { MemoryHub } from "../broker/memory.ts";
import { PrincipalMeters } from "./limits.ts";
import { SharedRates } from "./shared-rates.ts";

const RATE = { burst: 10, windowMs: 10_000 };

/** One of two nodes. */
class Node {
  readonly meters = new PrincipalMeters();
  readonly broker;
  readonly rates: SharedRates;

  constructor(
    hub: MemoryHub,
    private readonly clock: ManualClock,
  ) {
    this.broker = hub.join();
    this.rates = new SharedRates(this.meters, this.broker, clock, RATE);
    this.broker.start({
      heard: (notice) => notice.kind === "rates" && this.rates.heard(notice.counts),
      following() {},
      changed() {},
    });
  }

  /** How many of so many events it lets through. */
  take(count: number, key = "user:1"): number {
    const meter = this.meters.get(key);
    let taken = 0;
    for (let n = 0; n < count; n++) if (meter.take(this.clock.monotonic(), RATE) === 0) taken += 1;
    return taken;
  }
}

describe("the rate of a principal over nodes", () => {
  let clock: ManualClock;
  let a: Node;
  let b: Node;
  beforeEach(() => {
    clock = new ManualClock();
    const hub = new MemoryHub();
    [a, b] = [new Node(hub, clock), new Node(hub, clock)];
  });
  afterEach(() => {
    for (const { rates } of [a, b]) rates.stop();
    expect(clock.timers).toBe(0);
  });

  test("what one let through counts at the other within a second, once", () => {
    expect(a.take(8)).toBe(8);
    clock.advance(1_000);
    expect(b.take(10)).toBe(2);
    clock.advance(1_000);
    clock.advance(1_000);
    // Ten events of both, and three seconds since the first of them; two since the other heard of those.
    expect([a.take(10), b.take(10)]).toEqual([3, 2]);
  });

  test("another principal is not charged", () => {
    a.take(10);
    clock.advance(1_000);
    expect(b.take(10, "user:2")).toBe(10);
  });

  test("what nobody could hear is not charged later", () => {
    a.take(10);
    const isUp = Object.getOwnPropertyDescriptor(a.broker, "isUp") as PropertyDescriptor;
    Object.defineProperty(a.broker, "isUp", { ...isUp, value: false });
    clock.advance(1_000);
    Object.defineProperty(a.broker, "isUp", isUp);
    clock.advance(1_000);
    expect(b.take(20)).toBe(10);
  });

  test("whoever did far too much elsewhere waits a window at most", () => {
    b.rates.heard([["user:1", 1_000_000]]);
    expect(b.take(1)).toBe(0);
    clock.advance(RATE.windowMs);
    expect(b.take(20)).toBe(10);
  });

  test("of a thousand principals and more those are told of who did most", () => {
    for (let user = 2; user <= 1_002; user++) a.take(1, `user:${user}`);
    a.take(5, "user:1");
    clock.advance(1_000);
    expect(b.take(10)).toBe(5);
  });
});
