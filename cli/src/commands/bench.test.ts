import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Running, Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
let server: Running;
let url: string;
beforeAll(async () => {
  sandbox = await Sandbox.create();
  await sandbox.json(["user", "create", "alice"]);
  await sandbox.json(["device", "create", "speaker"]);
  server = sandbox.start(["serve", "--port", "0"]);
  url = (await server.stdout.until(/http:\/\/[\d.]+:\d+/))[0];
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const token = async (...owner: string[]) => (await sandbox.lty(["token", "create", ...owner, "--quiet"])).stdout.trim();
const bench = async (owner: readonly string[], ...words: string[]) => {
  const env = { LTY_URL: url, LTY_TOKEN: await token(...owner) };
  return sandbox.lty(["bench", ...words], { env });
};

const milliseconds = {
  p50: expect.any(Number),
  p95: expect.any(Number),
  p99: expect.any(Number),
  max: expect.any(Number),
};

describe("bench", () => {
  test("pings over connections and tells how long that took", async () => {
    const { code, stdout, stderr } = await bench(["--user", "alice"], "--connections", "3", "--pings", "4");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^MILLISECONDS +P50 +P95 +P99 +MAX\nconnect( +[\d.]+){4}\nping( +[\d.]+){4}\n\n/);
    expect(stdout).toMatch(/\n12 pings over 3 connections, \d+ a second\.\n$/);
  });

  test("--json prints one object", async () => {
    const env = { LTY_URL: `${url}/`, LTY_TOKEN: await token("--user", "alice") };
    const found = await sandbox.json(["bench", "--connections", "2", "--pings", "1"], { env });
    expect(found).toEqual({
      ...{ connections: 2, pings: 2, pings_per_s: expect.any(Number) },
      ...{ connect_ms: milliseconds, ping_ms: milliseconds },
    });
  });

  test("takes nothing that waits for the token's owner", async () => {
    const env = { LTY_URL: url, LTY_TOKEN: await token("--user", "alice") };
    const message = ["--type", "note", "--message", "1"];
    const sent = (await sandbox.json(["send", "--user", "1", ...message], { env })) as { message_id: string };
    expect((await bench(["--user", "alice"], "--connections", "1", "--pings", "1")).code).toBe(0);
    const answer = await fetch(`${url}/api/messages/${sent.message_id}/`, {
      headers: { authorization: `Bearer ${env.LTY_TOKEN}` },
    });
    expect(await answer.json()).toMatchObject({ data: { consumers: [] } });
  });
});

describe("bench fails in one line", () => {
  test("where the server's limit is reached, exit 1", async () => {
    const { code, stdout, stderr } = await bench(["--user", "alice"], "--connections", "1", "--pings", "101");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^lty: the server refused: Rate limit exceeded \(RATE_LIMITED\); fewer .*\n$/);
  });

  test("with a device's or a service's token, exit 1", async () => {
    for (const owner of [
      ["--device", "1"],
      ["--service", "backend"],
    ]) {
      const { code, stderr } = await bench(owner, "--connections", "1");
      expect(code).toBe(1);
      expect(stderr).toMatch(/^lty: the server refused: .*\(FORBIDDEN\)\n$/);
    }
  });

  test("where nobody listens, exit 1, and without a token, exit 2", async () => {
    const env = { LTY_URL: "http://127.0.0.1:1", LTY_TOKEN: await token("--user", "alice") };
    const { code, stderr } = await sandbox.lty(["bench", "--connections", "2"], { env });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "lty: the server at 127.0.0.1:1 cannot be reached; is it running? (LTY_URL)\n",
    });
    expect((await sandbox.lty(["bench"], { env: { LTY_URL: url } })).code).toBe(2);
  });

  test("with a number that makes no sense, exit 2", async () => {
    for (const words of [
      ["--connections", "0"],
      ["--connections", "1001"],
      ["--pings", "x"],
    ]) {
      expect((await sandbox.lty(["bench", ...words])).code).toBe(2);
    }
  });
});
