import { afterAll, beforeAll, expect, test } from "bun:test";
import { Close, Errors, protocolFrames } from "@qy-lty/protocol";
import { skills } from "@qy-lty/server/skills/index.ts";
import { TestServer } from "../e2e/support/server.ts";
import { readPage } from "./support/pages.ts";

/** The reference pages against what a running server and the command line say of themselves: all of it, and none extra. */

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const named = async (page: string, pattern: RegExp) =>
  [...(await readPage(`docs/reference/${page}.md`)).matchAll(pattern)].map((match) => match[1] ?? "");
const firstCells = (page: string) => named(page, /^\| `([^`]+)`/gm);
const fetched = async (path: string) => {
  const response = await fetch(`${server.url}${path}`);
  expect(response.status).toBe(200);
  return response;
};
interface Api {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
interface Async {
  readonly channels: { readonly device: { readonly messages: Readonly<Record<string, unknown>> } };
}

test("every error code", async () => {
  expect((await firstCells("errors")).toSorted()).toEqual(Object.keys(Errors).sort());
});

test("every close code, for each of its reasons", async () => {
  const codes = Object.values(Close).map(({ code }) => String(code));
  expect((await firstCells("close-codes")).toSorted()).toEqual(codes.sort());
});

test("every setting that `lty check-config` knows", async () => {
  const { stdout } = await server.ltyOutcome(["check-config", "--json"]);
  const documented = await firstCells("settings");
  expect(documented.toSorted()).toEqual(Object.keys(JSON.parse(stdout) as object).sort());
});

test("every metric that `/metrics` answers, of the type it says", async () => {
  const text = await (await fetched("/metrics")).text();
  const served = [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, name, type]) => `${name} ${type}`);
  const page = await readPage("docs/reference/metrics.md");
  const documented = [...page.matchAll(/^\| `(\w+)` \| (\w+)/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(documented.toSorted()).toEqual(served.sort());
});

test("every command that `lty --help` lists", async () => {
  const { stdout } = await server.ltyOutcome(["--help"]);
  const [, listed = ""] = stdout.split("\nCommands:\n");
  const commands = [...listed.matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?)/gm)].map((match) => match[1] ?? "");
  expect(commands.length).toBeGreaterThan(15);
  expect(await named("cli", /^## lty (.+)$/gm)).toEqual(commands);
});

test("every route that `/openapi.json` has", async () => {
  const { paths } = (await (await fetched("/openapi.json")).json()) as Api;
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect((await named("http", /^### ([A-Z]+ \/.*)$/gm)).toSorted()).toEqual(served.sort());
});

test("every frame that `/asyncapi.json` has", async () => {
  const { channels } = (await (await fetched("/asyncapi.json")).json()) as Async;
  const titled: Readonly<Record<string, string>> = {
    "Pushed messages": "pushed",
    "connection_status of lty.v1": "connection_status.lty.v1",
  };
  const headings = (await named("frames", /^### (.+)$/gm)).map((title) => titled[title] ?? title);
  // An answer stands with its question.
  const answers = await named("frames", /^The answer is `(\w+)`/gm);
  expect(headings).toEqual([...skills.map(({ type }) => type), ...protocolFrames.map(({ name }) => name)]);
  const documented = [...new Set([...headings, ...answers])];
  expect(documented.toSorted()).toEqual(Object.keys(channels.device.messages).sort());
});
