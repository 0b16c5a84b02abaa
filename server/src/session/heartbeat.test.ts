import { describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import fc from "fast-check";
import { type Heart, Heartbeats } from "./heartbeat.ts";

class Peer implements Heart {
  beats = 0;
  expiredAt: number | undefined;
  heartbeat = -1;

  constructor(
    private readonly clock: ManualClock,
    public lastHeard = clock.monotonic(),
    private readonly answers = false,
  ) {}

  beat(): void {
    this.beats += 1;
    if (this.answers) this.lastHeard = this.clock.monotonic();
  }

  expire(): void {
    this.expiredAt ??= this.clock.monotonic();
  }
}

const periods = fc.constantFrom(1_000, 2_500, 30_000, 3_600_000);

describe("Heartbeats", () => {
  test("a silent peer is ended between 2 and 2.5 heartbeats after it was last heard, whenever it came", () => {
    fc.assert(
      fc.property(
        periods,
        fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 40 }),
        (period, arrivals) => {
          const clock = new ManualClock();
          const heartbeats = new Heartbeats(clock, period);
          const peers = arrivals.map((promille) => {
            clock.advance((period * promille) / 1_000);
            const peer = new Peer(clock);
            heartbeats.add(peer);
            return peer;
          });
          clock.advance(3 * period);
          for (const { expiredAt = Number.NaN, lastHeard } of peers) {
            expect(expiredAt - lastHeard).toBeGreaterThanOrEqual(2 * period);
            expect(expiredAt - lastHeard).toBeLessThanOrEqual(2.5 * period);
          }
          heartbeats.stop();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a peer that answers lives, and is asked at least once a heartbeat", () => {
    const clock = new ManualClock();
    const heartbeats = new Heartbeats(clock, 30_000);
    const peer = new Peer(clock, 0, true);
    heartbeats.add(peer);
    clock.advance(100 * 30_000);
    expect(peer.expiredAt).toBeUndefined();
    expect(peer.beats).toBeGreaterThanOrEqual(100);
  });

  test("a peer that speaks by itself is never asked", () => {
    const clock = new ManualClock();
    const heartbeats = new Heartbeats(clock, 30_000);
    const peer = new Peer(clock);
    heartbeats.add(peer);
    for (let i = 0; i < 100; i++) {
      clock.advance(10_000);
      peer.lastHeard = clock.monotonic();
    }
    expect(peer.beats).toBe(0);
  });

  test("who was removed is left alone, from within a visit too", () => {
    const clock = new ManualClock();
    const heartbeats = new Heartbeats(clock, 1_000);
    const gone = new Peer(clock);
    heartbeats.add(gone);
    heartbeats.remove(gone);
    // Twice is once.
    heartbeats.remove(gone);
    const leaving = new Peer(clock);
    heartbeats.add(leaving);
    const beat = leaving.beat.bind(leaving);
    leaving.beat = () => {
      beat();
      heartbeats.remove(leaving);
    };
    clock.advance(10_000);
    expect([gone.beats, gone.expiredAt, leaving.beats, leaving.expiredAt]).toEqual([0, undefined, 1, undefined]);
  });

  test("whoever comes and goes, in whatever order: those who are there are visited, and nobody else", () => {
    const steps = fc.array(fc.oneof(fc.constant("come" as const), fc.nat({ max: 99 })), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (moves) => {
        const clock = new ManualClock();
        const heartbeats = new Heartbeats(clock, 1_000);
        const [here, gone]: [Peer[], Peer[]] = [[], []];
        for (const move of moves) {
          const leaves = move === "come" ? [] : here.splice(move % Math.max(1, here.length), 1);
          for (const peer of leaves) heartbeats.remove(peer);
          gone.push(...leaves);
          if (move !== "come") continue;
          const peer = new Peer(clock);
          heartbeats.add(peer);
          here.push(peer);
        }
        clock.advance(1_000);
        expect([here.every(({ beats }) => beats > 0), gone.some(({ beats }) => beats > 0)]).toEqual([true, false]);
        heartbeats.stop();
      }),
    );
  });

  test("spreads the work: no turn visits all", () => {
    const clock = new ManualClock();
    const heartbeats = new Heartbeats(clock, 30_000);
    const peers = Array.from({ length: 300 }, () => new Peer(clock, -15_000));
    for (const peer of peers) heartbeats.add(peer);
    clock.advance(500);
    expect(peers.filter(({ beats }) => beats > 0)).toHaveLength(10);
  });

  test("one timer for all, and none once stopped", () => {
    const clock = new ManualClock();
    const heartbeats = new Heartbeats(clock, 1_000);
    for (let i = 0; i < 10; i++) heartbeats.add(new Peer(clock));
    expect(clock.timers).toBe(1);
    heartbeats.stop();
    expect(clock.timers).toBe(0);
  });
});
