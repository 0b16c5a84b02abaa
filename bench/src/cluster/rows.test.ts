import { expect, test } from "bun:test";
import type { Measures } from "./measure.ts";
import { clusterRows, nameOf } from "./rows.ts";

const rounds = (...fanouts: number[]): Measures[] => fanouts.map((fanout) => ({ fanout, pushes: 10, busy: 1_000 }));

test("each is held against our nodes of as many processes, round by round", () => {
  const measured = new Map([
    [nameOf({ kind: "ours", processes: 1 }), rounds(100, 200, 300)],
    [nameOf({ kind: "ours", processes: 2 }), rounds(400, 400, 400)],
    [nameOf({ kind: "channels", processes: 1 }), rounds(50, 50, 50)],
    [nameOf({ kind: "channels", processes: 2 }), rounds(100, 100, 100)],
  ]);
  const { rows } = clusterRows(measured, 3);
  expect(rows.map((row) => row.slice(0, 4))).toEqual([
    ["", "deliveries/s", "ours / it", "interval"],
    ["qy-lty, nodes × 1", "200", "", ""],
    ["qy-lty, nodes × 2", "400", "", ""],
    ["Django Channels × 1", "50.0", "4.00", "2.00 to 6.00"],
    ["Django Channels × 2", "100", "4.00", "4.00 to 4.00"],
  ]);
});
