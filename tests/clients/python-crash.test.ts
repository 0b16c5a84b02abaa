import { expect, test } from "bun:test";
import { pythonCrash } from "./python-crash.ts";

test("24 clients of the Python package handle every push once, in order, while the server is killed twice", async () => {
  const report = await pythonCrash(true);
  expect(report.problems).toEqual([]);
}, 400_000);
