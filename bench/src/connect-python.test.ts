import { expect, test } from "bun:test";
import { preparePython } from "../../tests/clients/support/python.ts";
import { pythonRounds } from "./connect-python.ts";
import { connectTable } from "./connect-report.ts";

test("three rounds of each Python client, and their table", async () => {
  await preparePython();
  const rounds = await pythonRounds({ rounds: 3, againstItself: false });
  for (const values of Object.values(rounds)) expect(values).toHaveLength(3);
  expect(connectTable(rounds).split("\n")).toHaveLength(4);
}, 200_000);
