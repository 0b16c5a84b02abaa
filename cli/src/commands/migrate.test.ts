import { Database } from "bun:sqlite";
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { migrations } from "@qy-lty/server/store/migrations/index.ts";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

const NEWEST = Object.keys(migrations).at(-1);

test("migrate creates the database with its folder, and has nothing to do the second time", async () => {
  await using sandbox = await Sandbox.create();
  const env = { LTY_DATABASE_URL: "sqlite:deep/down/lty.db" };
  const said = `sqlite:deep/down/lty.db is up to date (schema ${NEWEST}).\n`;
  expect(await sandbox.lty(["migrate"], { env })).toEqual({ code: 0, stdout: said, stderr: "" });
  expect(await sandbox.lty(["migrate"], { env })).toEqual({ code: 0, stdout: said, stderr: "" });
  expect(await sandbox.json(["migrate"], { env })).toEqual({ database: "sqlite:deep/down/lty.db", schema: NEWEST });
  using database = new Database(join(sandbox.folder, "deep/down/lty.db"), { readonly: true });
  expect(database.query("SELECT name FROM migration ORDER BY name").values().flat()).toEqual(Object.keys(migrations));
});

test("commands that find no database and start at once do not stand in each other's way", async () => {
  await using sandbox = await Sandbox.create();
  const names = ["ada", "bea", "cleo", "dora", "eve", "fay"];
  const runs = await Promise.all(names.map((name) => sandbox.lty(["user", "create", name])));
  expect(runs.map(({ stderr }) => stderr)).toEqual(names.map(() => ""));
  expect(await sandbox.json(["user", "list"])).toHaveLength(names.length);
});
