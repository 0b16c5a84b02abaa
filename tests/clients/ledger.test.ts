import { expect, test } from "bun:test";
import { ledger } from "./ledger.ts";

test("clients of each language handle every push once, in order, while the server is killed twice", async () => {
  const report = await ledger(true);
  expect(report.problems).toEqual([]);
}, 240_000);
