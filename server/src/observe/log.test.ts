import { expect, test } from "bun:test";
import { CapturedLog } from "@qy-lty/testkit";
import { createLogger } from "./log.ts";

test("redacts what is called a credential, also one level down", () => {
  const log = new CapturedLog();
  const secret = "lty_do-not-show";
  createLogger("info", false, log).info({
    token: secret,
    ticket: secret,
    authorization: secret,
    request: { token: secret, ticket: secret, authorization: secret },
  });
  expect(log.text).not.toContain(secret);
  expect(log.lines).toMatchObject([{ token: "[Redacted]", request: { ticket: "[Redacted]" } }]);
});

test("leaves out what is below its level", () => {
  const log = new CapturedLog();
  const logger = createLogger("warn", false, log);
  logger.info("too little");
  logger.warn("enough");
  expect(log.lines.map(({ msg }) => msg)).toEqual(["enough"]);
});

test.each([
  ["JSON lines", "", (line: string) => expect(JSON.parse(line)).toMatchObject({ msg: "hello", level: 30 })],
  ["colours for a person", ", true", (line: string) => expect(line).toContain("INFO")],
])("writes %s to stderr and nothing to stdout", (_, toPerson, check) => {
  const url = new URL("./log.ts", import.meta.url).pathname;
  const script = `(await import(${JSON.stringify(url)})).createLogger("info"${toPerson || ", false"}).info("hello")`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script]);
  expect(stdout.toString()).toBe("");
  check(stderr.toString());
});

test.each([
  ["colours", {}, true],
  ["colours with an empty NO_COLOR", { NO_COLOR: "" }, true],
  ["no colours with NO_COLOR", { NO_COLOR: "1" }, false],
])("a person gets %s", (_, environment, coloured) => {
  const url = new URL("./log.ts", import.meta.url).pathname;
  const script = `(await import(${JSON.stringify(url)})).createLogger("info", true).info("hello")`;
  const { NO_COLOR: _own, FORCE_COLOR: _forced, ...env } = process.env;
  const { stderr } = Bun.spawnSync([process.execPath, "-e", script], { env: { ...env, ...environment } });
  expect(stderr.toString()).toContain("hello");
  expect(stderr.toString().includes("\u001b[")).toBe(coloured);
});
