import { describe, test } from "bun:test";
import { PostgresDatabases } from "@qy-lty/server/store/testing/postgres-database.ts";
import { FOUND } from "./found.ts";
import { postgresKind } from "./postgres-disk.ts";
import { LIMIT_MS, play, tellStories } from "./tell.ts";

/** Stories on so many nodes each. The long form is `LTY_MODEL_POSTGRES_RUNS=200`. */
const RUNS = Number(process.env.LTY_MODEL_POSTGRES_RUNS ?? 10);
const databases = new PostgresDatabases();

describe.each([1].map((nodes) => [nodes, postgresKind(databases, nodes)] as const))(
  "nothing accepted is lost, on PostgreSQL nodes: %d",
  (_, kind) => {
    test.each(FOUND.map(({ name, commands }) => [name, commands] as const))("%s", (_name, commands) =>
      play(kind, commands),
    );

    test(`whatever happens, ${RUNS} times`, () => tellStories(kind, RUNS, () => {}), LIMIT_MS);
  },
);
