import { expect, test } from "bun:test";
import { clusterRounds } from "./main.ts";

test("two nodes, and two workers, are measured: everything is delivered, taken, and reaches the busy user", async () => {
  const contestants = (["ours", "workers"] as const).map((kind) => ({ kind, processes: 2 }));
  const measured = await clusterRounds(1, { windowS: 0.2, sockets: 20, sends: 20 }, contestants);
  expect(measured.size).toBe(2);
  for (const [name, [measures]] of measured) {
    expect([name, measures?.busy]).toEqual([name, 20]);
    expect(measures?.fanout).toBeGreaterThan(0);
    expect(measures?.pushes).toBeGreaterThan(0);
  }
}, 120_000);
