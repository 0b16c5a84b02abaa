import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Person, person } from "../e2e/support/people.ts";
import { TestServer } from "../e2e/support/server.ts";
import { TestSocket } from "../e2e/support/socket.ts";
import { OPEN } from "./frames/case.ts";
import { controls, reservedBits, reservedOpcodes, sequences, unmasked } from "./frames/headers.ts";
import { cutShort, lengths } from "./frames/lengths.ts";
import { badText, closes, goodText } from "./frames/texts.ts";
import { Wire } from "./support/wire.ts";

const groups = [
  reservedBits,
  reservedOpcodes,
  unmasked,
  controls,
  sequences,
  badText,
  goodText,
  closes,
  lengths,
  cutShort,
];

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(async () => {
  expect(server.output).not.toMatch(/"level":[56]0/);
  await server[Symbol.asyncDispose]();
});

test("there are 200 cases and more", () => {
  expect(groups.flatMap(({ cases }) => cases).length).toBeGreaterThanOrEqual(200);
});

for (const { name, cases } of groups) {
  describe(`${name}:`, () => {
    afterAll(async () => {
      using fresh = await TestSocket.open(server.wsUrl, { token: alice.token });
      expect(await fresh.ask({ type: "chat_message", message: name })).toMatchObject({ message: `收到消息:${name}` });
      using raw = await Wire.open(server.port, alice.token);
      expect(await raw.fate()).toBe(OPEN);
    });

    for (const { name: what, bytes, fate, thenFinish } of cases) {
      test(what, async () => {
        using wire = await Wire.open(server.port, alice.token);
        wire.write(bytes);
        if (thenFinish) wire.finish();
        expect(await wire.fate()).toBe(fate);
        if (!fate.endsWith(OPEN)) await wire.gone();
      });
    }
  });
}
