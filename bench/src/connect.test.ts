import { expect, test } from "bun:test";
import { connectRounds } from "./connect.ts";
import { connectTable } from "./connect-report.ts";

test("three rounds of each client, and their table", async () => {
  const rounds = await connectRounds(3);
  for (const values of Object.values(rounds)) expect(values).toHaveLength(3);
  expect(connectTable(rounds).split("\n")).toHaveLength(5);
}, 60_000);
