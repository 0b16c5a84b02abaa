import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { migrations } from "@qy-lty/server/store/migrations/index.ts";
import { type PostgresServer, startPostgres } from "@qy-lty/testkit";
import { Sandbox } from "../testing/sandbox.ts";
import type { Finding } from "./doctor/finding.ts";

setDefaultTimeout(120_000);

let postgres: PostgresServer;
let sandbox: Sandbox;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

/** The settings of a database; the password shows whether anything prints it. */
function settings(url: string): Record<string, string> {
  return { LTY_DATABASE_URL: url.replace("lty@", "lty:hunter2@"), LTY_WEATHER_PROVIDER: "fixed", LTY_PORT: "0" };
}

test("the management commands work on PostgreSQL, and show no password", async () => {
  const env = settings(await postgres.createDatabase());
  const database = env.LTY_DATABASE_URL?.replace("lty:hunter2", "••••") ?? "";
  const { stdout } = await sandbox.lty(["migrate"], { env });
  expect(stdout).toBe(`${database} is up to date (schema ${Object.keys(migrations).at(-1)}).\n`);
  const { id } = (await sandbox.json(["user", "create", "anna"], { env })) as { readonly id: number };
  const device = await sandbox.json(["device", "create", "speaker", "--user", "anna", "--primary"], { env });
  expect(device).toMatchObject({ user_id: id, is_primary: true });
  const { code, stdout: token } = await sandbox.lty(["token", "create", "--user", "anna", "--quiet"], { env });
  expect([code, token]).toEqual([0, expect.stringMatching(/^lty_\w{43}\n$/)]);
  const taken = await sandbox.lty(["user", "create", "anna"], { env });
  expect([taken.code, taken.stderr]).toEqual([2, "lty: this username is taken\n"]);
  const { stdout: config } = await sandbox.lty(["check-config"], { env });
  expect(config).toContain("postgres://••••@127.0.0.1");
});

test("two that migrate at once take turns", async () => {
  const env = settings(await postgres.createDatabase());
  const runs = await Promise.all([1, 2, 3].map(() => sandbox.lty(["migrate"], { env })));
  expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual([1, 2, 3].map(() => [0, ""]));
});

test("doctor tells of the server, and of a database that is older", async () => {
  const env = settings(await postgres.createDatabase());
  const checks = async (words = env) => {
    const { stdout } = await sandbox.lty(["doctor", "--json"], { env: words });
    return (JSON.parse(stdout) as { readonly checks: readonly Finding[] }).checks;
  };
  const database = async () => (await checks()).find(({ check }) => check === "database");
  // The server under test keeps nothing over a fall of the machine, and is told off for it.
  expect(await database()).toMatchObject({ status: "fail", detail: expect.stringContaining("fsync=off") });
  await postgres.run("postgres", "ALTER SYSTEM SET fsync = on");
  await postgres.run("postgres", "SELECT pg_reload_conf()");
  expect(await database()).toMatchObject({ status: "warn", detail: expect.stringContaining("is of an older version") });
  await sandbox.lty(["migrate"], { env });
  const found = await checks();
  expect(found.map(({ check, status }) => [check, status])).toEqual(
    ["settings", "port", "database", "clock", "weather"].map((check) => [check, "ok"]),
  );
  expect(found[2]?.detail).toMatch(
    /^postgres:\/\/127\.0\.0\.1:\d+\/test_\d+ \(PostgreSQL [\d.]+\) answers in \d+ ms, and takes writes$/,
  );
});

test("a database that is not there, not reachable, or newer ends every command with one line", async () => {
  const url = await postgres.createDatabase();
  const failing = async (env: Record<string, string>) => {
    const { code, stdout, stderr } = await sandbox.lty(["user", "list"], { env });
    expect([code, stdout, stderr.split("\n").length]).toEqual([1, "", 2]);
    expect(stderr).not.toContain("hunter2");
    return stderr;
  };
  expect(await failing(settings(postgres.url("nowhere")))).toEndWith(
    "/nowhere: there is no such database; create it first\n",
  );
  expect(await failing(settings("postgres://lty@127.0.0.1:1/x"))).toBe(
    "lty: postgres://127.0.0.1:1/x: cannot be reached (ECONNREFUSED)\n",
  );
  await sandbox.lty(["migrate"], { env: settings(url) });
  await postgres.run(url, "INSERT INTO migration(name, timestamp) VALUES ('9999-future', '2099-01-01')");
  expect(await failing(settings(url))).toContain("was made by a newer program (it holds migration 9999-future)");
});

test("backup says what backs it up", async () => {
  const { code, stderr } = await sandbox.lty(["backup", "copy.db"], { env: settings(await postgres.createDatabase()) });
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^lty: postgres:\/\/••••@\S+ is backed up by PostgreSQL's own pg_dump, also while servers run\n$/,
  );
});
