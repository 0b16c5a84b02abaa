import { describe, expect, test } from "bun:test";
import { PostgresDatabases } from "@qy-lty/server/store/testing/postgres-database.ts";
import { FOUND } from "./found.ts";
import { postgresKind } from "./postgres-disk.ts";
import { LIMIT_MS, play, tellStories } from "./tell.ts";

/** Stories with as many nodes. The long form is `LTY_MODEL_POSTGRES_RUNS=200` with each. */
const RUNS = process.env.LTY_MODEL_POSTGRES_RUNS;
const NODES = [
  { nodes: 1, runs: Number(RUNS ?? 4) },
  { nodes: 2, runs: Number(RUNS ?? 16) },
];
const databases = new PostgresDatabases();

/** What happened in any of the stories. */
const seen = new Set<string>();
const see = (what: string) => void seen.add(what);

describe.each(NODES)("nothing accepted is lost, on PostgreSQL, nodes: $nodes", ({ nodes, runs }) => {
  const kind = postgresKind(databases, nodes);
  test.each(FOUND.map(({ name, commands }) => [name, commands] as const))("%s", async (_name, commands) => {
    await play(kind, commands, see);
  });

  test(`whatever happens, ${runs} times`, () => tellStories(kind, runs, see), LIMIT_MS);
});

/** What has to have happened in some story: the found ones alone see to that. */
const CORNERS = ["accepted", "closed 4009", "came from another node", "redelivered"];

test("every corner was reached", () => {
  expect(CORNERS.filter((corner) => !seen.has(corner))).toEqual([]);
});
