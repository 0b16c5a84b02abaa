import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { BunTransport } from "./bun.ts";
import type { Listening } from "./transport.ts";

let listening: Listening;
beforeAll(() => {
  listening = new BunTransport().listen({
    host: "127.0.0.1",
    port: 0,
    maxFrameBytes: 1_000,
    maxBufferedBytes: 10_000,
    fetch: () => new Response("taken"),
    upgrade: () => new Response("no sockets here", { status: 400 }),
    failed: (error) => {
      throw error;
    },
  });
});
afterAll(() => listening.stop());

/** The status that a request is answered with, sent as it is. */
async function statusOf(target: string, ...hosts: readonly string[]): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(listening.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
  });
  socket.on("close", () => resolve(answer));
  socket.on("error", reject);
  const lines = hosts.map((host) => `Host: ${host}\r\n`).join("");
  socket.write(`GET ${target} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`);
  return /^HTTP\/1\.1 (\d{3})/.exec(await promise)?.[1];
}

const GOOD = ["a.test", "a.test:80", "[::1]:8080"] as const;

test.each(GOOD)("what is no host is refused, also after %s, which is one", async (good) => {
  const bad: readonly (readonly string[])[] = [
    [good, "b.test"],
    [good, good],
    [`${good},`],
    [`${good} b`],
    ["a.test:99999"],
    [`${good}:80:80`],
    ["[::1"],
  ];
  const ask = () => Promise.all(bad.map((hosts) => statusOf("/", ...hosts)));
  const before = await ask();
  expect(await statusOf("/", good)).toBe("200");
  expect(await statusOf("/healthz?x=//y:99999", good)).toBe("200");
  expect(new Set(before)).toEqual(new Set(["400"]));
  expect(await ask()).toEqual(before);
});

test("a target that makes no URL is refused beside a host that is one", async () => {
  const targets = ["99999", "@b.test:99999/"];
  const ask = (host: string) => Promise.all(targets.map((target) => statusOf(target, host)));
  expect(await statusOf("/", "a.test:8")).toBe("200");
  expect(await ask("a.test:8")).toEqual(await ask("never-good.test:8"));
});
