import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TestServer } from "../e2e/support/server.ts";
import { TestSocket } from "../e2e/support/socket.ts";
import { chunks, requests, smuggling } from "./handshakes/requests.ts";
import { absurd, bodies, handshakes, pipelined } from "./handshakes/upgrades.ts";
import { Wire } from "./support/wire.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  expect(server.output).not.toMatch(/"level":[56]0/);
  // Least of all in the words of an error about a request that could not be understood.
  expect(server.output).not.toContain(server.adminToken);
  await server[Symbol.asyncDispose]();
});

for (const { name, cases } of [handshakes, bodies, pipelined, absurd, smuggling, chunks, requests]) {
  describe(`${name}:`, () => {
    afterAll(async () => {
      using fresh = await TestSocket.open(server.wsUrl, { token: server.adminToken });
      expect(await fresh.ask({ type: "chat_message", message: name })).toMatchObject({ message: `收到消息:${name}` });
    });

    for (const { name: what, bytes, answers } of cases) {
      test(what, async () => {
        using wire = new Wire(server.port);
        const parts = bytes({ port: server.port, token: server.adminToken });
        wire.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
        expect(await wire.answers()).toBe(answers);
      });
    }
  });
}
