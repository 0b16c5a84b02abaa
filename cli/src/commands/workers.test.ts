import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type PostgresServer, type RedisServer, startPostgres, startRedis } from "@qy-lty/testkit";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let postgres: PostgresServer;
let redis: RedisServer;
let sandbox: Sandbox;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
afterAll(async () => {
  await postgres[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function settings(): Promise<Record<string, string>> {
  return { LTY_DATABASE_URL: await postgres.createDatabase(), LTY_REDIS_URL: redis.url, LTY_WEATHER_PROVIDER: "fixed" };
}

test.each([
  ["an embedded database", ["LTY_DATABASE_URL"]],
  ["no Redis", ["LTY_REDIS_URL"]],
])("with %s several workers are refused", async (_, without) => {
  const env = Object.fromEntries(Object.entries(await settings()).filter(([name]) => !without.includes(name)));
  const { code, stderr } = await sandbox.lty(["serve", "--workers", "2"], { env });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^lty: --workers: more than one worker needs PostgreSQL .* and Redis .*\n$/);
});

test("what is no number of workers is refused", async () => {
  for (const count of ["0", "x", "65"]) {
    const { code, stderr } = await sandbox.lty(["serve", "--workers", count]);
    expect([code, stderr]).toEqual([2, `lty: --workers: expected a whole number from 1 to 64, got '${count}'\n`]);
  }
});

test("two workers serve one port; one that is killed comes back; all end with a signal", async () => {
  const env = await settings();
  const running = sandbox.start(["serve", "--workers", "2", "--port", "0", "--demo", "--json"], { env });
  const { url, workers, demo } = JSON.parse((await running.stdout.until(/^.*\n/))[0]) as {
    readonly url: string;
    readonly workers: number;
    readonly demo: { readonly admin: { readonly token: string } };
  };
  expect(workers).toBe(2);
  const headers = { authorization: `Bearer ${demo.admin.token}` };
  const nodes = async () => {
    const rows = await postgres.run(env.LTY_DATABASE_URL ?? "", "SELECT id FROM node ORDER BY id");
    return rows.map(({ id }) => Number(id));
  };
  const before = await nodes();
  expect(before).toHaveLength(2);
  expect((await fetch(`${url}/api/online-users/`, { headers })).status).toBe(200);

  const { pid } = running;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  expect(children).toHaveLength(2);
  process.kill(Number(children[0]), "SIGKILL");
  for (let now = before; now.length !== 2 || now.join() === before.join(); now = await nodes());
  expect((await fetch(`${url}/healthz`)).status).toBe(200);

  running.signal("SIGTERM");
  expect(await running.ended()).toBe(0);
  expect(await nodes()).toEqual([]);
});
