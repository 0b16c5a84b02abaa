import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

test("a server that is ready, one that is not, and one that is gone", async () => {
  let status = 200;
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("", { status }) });
  const url = `http://127.0.0.1:${server.port}`;
  const health = () => sandbox.lty(["health"], { env: { LTY_URL: url } });
  expect(await health()).toEqual({ code: 0, stdout: `${url} is ready.\n`, stderr: "" });
  expect(await sandbox.json(["health"], { env: { LTY_URL: url } })).toEqual({ url, ready: true });
  status = 503;
  expect(await health()).toEqual({ code: 1, stdout: "", stderr: `lty: ${url} is not ready (503)\n` });
  await server.stop(true);
  expect(await health()).toEqual({ code: 1, stdout: "", stderr: `lty: ${url} does not answer\n` });
});
