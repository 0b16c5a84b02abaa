import { describe, expect, test } from "bun:test";
import { allSettings, ConfigError, loadClientConfig, loadConfig } from "./load.ts";

function problem(environment: Record<string, string>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("the configuration was accepted");
}

describe("loadConfig", () => {
  test("an empty environment gives the documented defaults", () => {
    expect(loadConfig({})).toMatchObject({
      host: "127.0.0.1",
      port: 8000,
      databaseUrl: "sqlite:data/lty.db",
      rateLimitMessages: 100,
      rateLimitWindowS: 60,
      maxMessageChars: 10_240,
      requireDevice: false,
      allowedOrigins: [],
      heartbeatS: 30,
      logLevel: "info",
    });
  });

  test("flags win over the environment", () => {
    expect(loadConfig({ LTY_PORT: "9000" }, { port: "9001" }).port).toBe(9001);
  });

  test("lists are separated by commas", () => {
    expect(loadConfig({ LTY_ALLOWED_ORIGINS: "https://a.example, https://b.example," }).allowedOrigins).toEqual([
      "https://a.example",
      "https://b.example",
    ]);
  });

  test("an unknown name is one line that names it", () => {
    expect(problem({ LTY_PROT: "1" })).toBe("LTY_PROT: unknown setting; `lty config-doc` lists them all");
  });

  test.each([
    ["LTY_PORT", "70000"],
    ["LTY_PORT", "8e3"],
    ["LTY_PORT", ""],
    ["LTY_REQUIRE_DEVICE", "maybe"],
    ["LTY_WEATHER_PROVIDER", "crystal-ball"],
    ["LTY_WEATHER_BASE_URL", "ftp://example.com"],
    ["LTY_DATABASE_URL", "mysql://x"],
    ["LTY_DEFAULT_CITY", ""],
  ])("%s=%p is refused in one line that names it", (name, value) => {
    const line = problem({ [name]: value });
    expect(line).toStartWith(`${name}: `);
    expect(line).not.toContain("\n");
  });

  test("a refused URL is shown without its password", () => {
    expect(problem({ LTY_WEATHER_BASE_URL: "ftp://me:hunter2@h/x" })).toEndWith('got "ftp://••••@h/x"');
  });

  test.each([
    ["LTY_PORT", "tcp://10.0.0.1:8000"],
    ["LTY_SERVICE_HOST", "10.0.0.1"],
    ["LTY_PORT_8000_TCP", "tcp://10.0.0.1:8000"],
  ])("a Kubernetes service link (%s) says what to set", (name, value) => {
    expect(problem({ [name]: value })).toContain("enableServiceLinks: false");
  });

  test("the client's settings are known names too", () => {
    expect(loadConfig({ LTY_TOKEN: "x", LTY_URL: "http://h" }).port).toBe(8000);
    expect(loadClientConfig({ LTY_TOKEN: "x" })).toEqual({ url: "http://127.0.0.1:8000", token: "x" });
  });
});

describe("allSettings", () => {
  test("documents every setting, with its default and what it expects", () => {
    for (const setting of allSettings()) expect(setting.description).not.toBe("");
    expect(allSettings()).toContainEqual({
      name: "LTY_HEARTBEAT_S",
      default: "30",
      expects: "whole number, 1 to 3600",
      description: expect.any(String),
      secret: false,
    });
    expect(allSettings().find((setting) => setting.name === "LTY_TOKEN")?.secret).toBe(true);
  });
});
