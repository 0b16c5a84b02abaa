import { expect, test } from "bun:test";
import { storm } from "./storm.ts";

test("hundreds of idle sockets are back at their place after kill -9, with jitter and without", async () => {
  const report = await storm(true);
  expect(report.problems).toEqual([]);
}, 180_000);
