import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Sandbox } from "../testing/sandbox.ts";
import { describeTime } from "./doctor/clock.ts";
import { describeRoom } from "./doctor/disk.ts";
import type { Finding } from "./doctor/finding.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox[Symbol.asyncDispose]());

/** Nothing outside, and a port that is free. */
const ENV = { LTY_WEATHER_PROVIDER: "fixed", LTY_PORT: "0" };

interface Report {
  readonly ok: boolean;
  readonly checks: readonly Finding[];
}

async function doctor(env: Record<string, string> = {}): Promise<{ code: number; report: Report; stderr: string }> {
  const { code, stdout, stderr } = await sandbox.lty(["doctor", "--json"], { env: { ...ENV, ...env } });
  return { code, report: JSON.parse(stdout) as Report, stderr };
}

async function check(name: string, env: Record<string, string> = {}): Promise<Finding | undefined> {
  return (await doctor(env)).report.checks.find((finding) => finding.check === name);
}

test("all is well where nothing is wrong, before the first start and after it", async () => {
  for (const detail of ["is not there yet; the first start makes it", "is sound, and takes writes"]) {
    const { code, report, stderr } = await doctor();
    expect([code, stderr, report.ok]).toEqual([0, "", true]);
    expect(report.checks.map(({ check, status, advice }) => [check, status, advice])).toEqual(
      ["settings", "port", "database", "disk", "clock", "weather"].map((name) => [name, "ok", null]),
    );
    expect(report.checks[2]?.detail).toBe(`data/lty.db ${detail}`);
    await sandbox.json(["migrate"]);
  }
});

test("prints a table for a person", async () => {
  const { code, stdout } = await sandbox.lty(["doctor"], { env: ENV });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^CHECK +STATUS +FOUND\nsettings +ok +are sound/);
  expect(stdout).toMatch(/^weather +ok +fixed answers: 25 °C in 北京$/m);
});

test("what failed is counted on stderr, and the exit code is 1", async () => {
  const { code, report, stderr } = await doctor({ LTY_PORT: "none" });
  expect([code, report.ok, stderr]).toEqual([1, false, "lty: 1 of 1 checks failed\n"]);
  expect(report.checks[0]).toMatchObject({
    check: "settings",
    status: "fail",
    detail: expect.stringContaining("LTY_PORT"),
  });
});

describe("the port", () => {
  test("may be that of a gateway which serves there", async () => {
    const server = sandbox.start(["serve"], { env: ENV });
    const [, url = ""] = await server.stdout.until(/(http:\S+)\n/);
    const { port } = new URL(url);
    expect(await check("port", { LTY_PORT: port })).toMatchObject({
      status: "ok",
      detail: `${port} on 127.0.0.1: a gateway serves there`,
    });
    expect(await check("database")).toMatchObject({ status: "ok" });
    server.signal("SIGTERM");
    await server.ended();
  });

  test("may not be another program's", async () => {
    const other = createServer((socket) => socket.end("hello\n"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    const found = await check("port", { LTY_PORT: port });
    other.close();
    expect(found).toMatchObject({ status: "fail", detail: `port ${port} is in use by another program` });
  });

  test("needs an address of this machine", async () => {
    expect(await check("port", { LTY_HOST: "192.0.2.1", LTY_PORT: "8000" })).toMatchObject({ status: "fail" });
  });
});

describe("the database", () => {
  const path = () => join(sandbox.folder, "data", "lty.db");

  test("must be one", async () => {
    mkdirSync(join(sandbox.folder, "data"));
    writeFileSync(path(), "not a database".repeat(100));
    expect(await check("database")).toMatchObject({ status: "fail", detail: "data/lty.db: is not a SQLite database" });
  });

  test("may be older, and may not be newer", async () => {
    await sandbox.json(["user", "create", "ada"]);
    using database = new Database(path());
    database.run("UPDATE migration SET name = '9999-newer' WHERE name = (SELECT max(name) FROM migration)");
    expect(await check("database")).toMatchObject({ status: "fail", detail: expect.stringContaining("newer program") });
    database.run("DELETE FROM migration WHERE name = '9999-newer'");
    expect(await check("database")).toMatchObject({ status: "warn", detail: "data/lty.db is of an older version" });
  });

  test("is left as it is", async () => {
    await sandbox.json(["user", "create", "ada"]);
    using database = new Database(path());
    const schema = () => database.query("SELECT name FROM sqlite_schema ORDER BY name").values();
    const before = schema();
    await doctor();
    expect(schema()).toEqual(before);
  });

  test("that somebody else locks is a failure, with what to do", async () => {
    await sandbox.json(["user", "create", "ada"]);
    using database = new Database(path());
    database.run("BEGIN IMMEDIATE");
    expect(await check("database")).toMatchObject({
      status: "fail",
      detail: "data/lty.db: is locked by another program",
      advice: expect.any(String),
    });
    database.run("ROLLBACK");
  });
});

test("a weather provider that does not answer is a warning after 5 s", async () => {
  using mute = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Promise<Response>(() => {}) });
  const started = performance.now();
  const { code, report } = await doctor({ LTY_WEATHER_PROVIDER: "open-meteo", LTY_WEATHER_BASE_URL: mute.url.href });
  // With the start of the program, on a busy machine; the time of a request itself would be minutes.
  expect(performance.now() - started).toBeLessThan(30_000);
  expect([code, report.ok]).toEqual([0, true]);
  expect(report.checks.at(-1)).toMatchObject({ check: "weather", status: "warn", advice: expect.any(String) });
});

test("room on the disk is enough, little or too little", () => {
  const gib = 1024 ** 3;
  expect(describeRoom(2.5 * gib, "/data")).toMatchObject({ status: "ok", detail: "2.5 GiB are free at /data" });
  expect(describeRoom(gib / 2, "/data")).toMatchObject({ status: "warn", detail: "512 MiB are free at /data" });
  expect(describeRoom(1024, "/data")).toMatchObject({ status: "fail", detail: "0 MiB are free at /data" });
});

test("a clock is wrong that is before this program, or before what the database knows", () => {
  const now = Date.UTC(2026, 5, 1);
  expect(describeTime(now, null).status).toBe("ok");
  expect(describeTime(now, now + 1_000).status).toBe("ok");
  expect(describeTime(now, now + 3_600_000)).toMatchObject({
    status: "fail",
    detail: expect.stringContaining("2026-06-01T01:00"),
  });
  expect(describeTime(0, null).status).toBe("fail");
});
