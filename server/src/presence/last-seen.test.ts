import { describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import type { Devices } from "../store/devices.ts";
import { LastSeen } from "./last-seen.ts";

const START = Date.UTC(2026, 0, 1);

function start() {
  const clock = new ManualClock();
  const written: [number, number][][] = [];
  const failures: unknown[] = [];
  const devices = {
    markSeen: async (seen: ReadonlyMap<number, number>): Promise<void> => {
      written.push([...seen]);
    },
  };
  const lastSeen = new LastSeen(devices as unknown as Devices, clock, (error) => failures.push(error));
  return { clock, written, failures, devices, lastSeen };
}

describe("LastSeen", () => {
  test("knows at once, and writes once a minute and on request", async () => {
    const { clock, written, lastSeen } = start();
    lastSeen.note(3);
    clock.advance(10_000);
    lastSeen.note(4);
    expect([lastSeen.get(3), lastSeen.get(4), lastSeen.get(5)]).toEqual([START, START + 10_000, undefined]);
    clock.advance(50_000);
    await lastSeen.flush();
    expect(written).toEqual([[[3, START], [4, START + 10_000]], []]); // biome-ignore format: pairs
    expect(lastSeen.get(3)).toBeUndefined();
  });

  test("keeps what was noted while it wrote", async () => {
    const { clock, lastSeen, devices } = start();
    const gate = Promise.withResolvers<void>();
    devices.markSeen = () => gate.promise;
    lastSeen.note(3);
    const flushed = lastSeen.flush();
    await Promise.resolve();
    clock.advance(5);
    lastSeen.note(3);
    gate.resolve();
    await flushed;
    expect(lastSeen.get(3)).toBe(START + 5);
  });

  test("keeps what could not be written, and tries again", async () => {
    const { written, failures, lastSeen, devices } = start();
    const { markSeen } = devices;
    devices.markSeen = () => Promise.reject(new Error("disk full"));
    lastSeen.note(3);
    await lastSeen.flush();
    expect(failures).toEqual([new Error("disk full")]);
    devices.markSeen = markSeen;
    await lastSeen.flush();
    expect(written).toEqual([[[3, START]]]);
  });

  test("does not grow without bound while nothing can be written", async () => {
    const { lastSeen, clock } = start();
    for (let id = 1; id <= 10_001; id++) lastSeen.note(id);
    expect(lastSeen.get(10_001)).toBeUndefined();
    clock.advance(1);
    lastSeen.note(1);
    expect(lastSeen.get(1)).toBe(START + 1);
    lastSeen.stop();
    expect(clock.timers).toBe(0);
  });
});
