import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { allSettings } from "@qy-lty/server/config/load.ts";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const NAMES = allSettings().map((setting) => setting.name);

describe.concurrent("check-config", () => {
  const env = {
    LTY_PORT: "9000",
    LTY_ALLOWED_ORIGINS: "https://a.example,https://b.example",
    LTY_WEATHER_BASE_URL: "http://me:hunter2@weather.example/v1",
    LTY_QWEATHER_KEY: "hunter3",
    LTY_TOKEN: "hunter4",
  };

  test("prints what is in effect, and where it is from", async () => {
    const { code, stdout, stderr } = await sandbox.lty(["check-config"], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ")[0]),
    ).toEqual(NAMES);
    expect(stdout).toMatch(/^LTY_HOST +default +127\.0\.0\.1$/m);
    expect(stdout).toMatch(/^LTY_PORT +environment +9000$/m);
    expect(stdout).toMatch(/^LTY_ALLOWED_ORIGINS +environment +https:\/\/a\.example, https:\/\/b\.example$/m);
    expect(stdout).toMatch(/^LTY_TRUSTED_PROXIES +default +–$/m);
  });

  test("hides secrets, also within URLs", async () => {
    const { stdout } = await sandbox.lty(["check-config"], { env });
    expect(stdout).toMatch(/^LTY_QWEATHER_KEY +environment +••••$/m);
    expect(stdout).toMatch(/^LTY_TOKEN +environment +••••$/m);
    expect(stdout).toContain("http://••••@weather.example/v1");
    expect(stdout + JSON.stringify(await sandbox.json(["check-config"], { env }))).not.toMatch(/hunter\d/);
  });

  test("--json keeps types; null is what is not set", async () => {
    const settings = (await sandbox.json(["check-config"], { env })) as Record<string, unknown>;
    expect(Object.keys(settings)).toEqual(NAMES);
    expect(settings).toMatchObject({
      LTY_PORT: 9000,
      LTY_REQUIRE_DEVICE: false,
      LTY_ALLOWED_ORIGINS: ["https://a.example", "https://b.example"],
      LTY_QWEATHER_HOST: null,
      LTY_QWEATHER_KEY: "••••",
      LTY_URL: "http://127.0.0.1:8000",
    });
  });
});

describe.concurrent("config-doc", () => {
  test("lists every setting with its default and its meaning", async () => {
    const { code, stdout } = await sandbox.lty(["config-doc"]);
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(" ")[0]),
    ).toEqual(NAMES);
    for (const { description } of allSettings()) expect(stdout).toContain(description);
    expect(stdout).toMatch(/^LTY_PORT +8000 +Port to listen on.* \(whole number, 0 to 65535\)$/m);
  });

  test("--json is the same for programs", async () => {
    expect(await sandbox.json(["config-doc"])).toEqual(allSettings());
  });
});

test("neither of them makes a database", async () => {
  expect(await readdir(sandbox.folder)).not.toContain("data");
});
