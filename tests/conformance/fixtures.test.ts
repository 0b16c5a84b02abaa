/** Every exchange of `protocol/fixtures/` against a real server, and every frame of it against `protocol/contract.json`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import contract from "../../protocol/contract.json" with { type: "json" };
import { ROOT } from "../e2e/support/command.ts";
import { timestamp } from "../e2e/support/expect.ts";
import { type Person, person } from "../e2e/support/people.ts";
import { TestServer } from "../e2e/support/server.ts";
import { type Frame, TestSocket } from "../e2e/support/socket.ts";

interface Exchange {
  readonly name: string;
  readonly send?: object | string;
  readonly send_base64?: string;
  readonly expect: Readonly<Record<string, unknown>>;
}

const FOLDER = join(ROOT, "protocol", "fixtures");
const files = readdirSync(FOLDER).sort();
const fixtures = await Promise.all(
  files.map(async (file) => {
    const { exchanges } = (await Bun.file(join(FOLDER, file)).json()) as { exchanges: readonly Exchange[] };
    return { file, exchanges };
  }),
);

type Side = Readonly<Record<string, { readonly schema: unknown } | undefined>>;
const said: Side = contract.server;
const asked: Side = contract.client;

/** What a frame does not keep to in the contract. */
function violations(side: Side, name: string, frame: unknown): string {
  const schema = side[name]?.schema;
  if (schema === undefined) return `the contract has no ${name}`;
  const result = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(frame);
  return result.success ? "" : z.prettifyError(result.error);
}

let server: TestServer;
let alice: Person;
beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

for (const { file, exchanges } of fixtures) {
  describe(file, () => {
    let socket: TestSocket;
    beforeAll(async () => {
      socket = await TestSocket.open(server.wsUrl, alice);
    });
    afterAll(() => socket[Symbol.dispose]());

    for (const { name, send, send_base64, expect: wanted } of exchanges) {
      test(name, async () => {
        if (send_base64 !== undefined) socket.sendBytes(Uint8Array.fromBase64(send_base64));
        else socket.send(send);
        const answer = await socket.next();
        expect(violations(said, String(wanted.type), answer)).toBe("");
        expect(answer).toMatchObject({ ...wanted, timestamp });
        const isSound = typeof send === "object" && wanted.type !== "error";
        if (isSound) expect(violations(asked, (send as Frame).type, send)).toBe("");
        expect(await socket.rest()).toEqual([]);
      });
    }
  });
}

test("there are exchanges of every type that a client may send, and of every error about a frame alone", () => {
  const all = fixtures.flatMap(({ exchanges }) => exchanges);
  const types = new Set(all.map(({ send }) => (typeof send === "object" ? (send as Frame).type : "")));
  const ofSkills = Object.entries(contract.client).filter(([, { subprotocol }]) => subprotocol === null);
  expect(ofSkills.map(([type]) => type).filter((type) => !types.has(type))).toEqual([]);
  const codes = new Set(all.map(({ expect }) => expect.code));
  const wanted = ["INVALID_JSON", "INVALID_MESSAGE", "UNSUPPORTED_TYPE", "UNSUPPORTED_BINARY", "MESSAGE_TOO_LARGE"];
  expect(wanted.filter((code) => !codes.has(code))).toEqual([]);
});

describe("what the server says unasked keeps to the contract:", () => {
  test("the greeting, and what is pushed", async () => {
    const user = await person(server);
    using socket = await TestSocket.open(server.wsUrl, user);
    expect(violations(said, "connection_status", socket.greeting)).toBe("");
    await server.data("POST", "/api/messages/", { type: "note", message: { n: 1 }, user_id: user.id });
    const pushed = await socket.next();
    expect(pushed.type).toBe("note");
    expect(violations(said, "pushed", pushed)).toBe("");
  });

  test("with lty.v1: the greeting, what is pushed, skip, reset and bye", async () => {
    const user = await person(server);
    const introduction = { token: user.token, query: { role: "app", client_id: "phone" }, protocol: "lty.v1" };
    const device = await server.data<{ id: number }>("POST", "/api/devices/", { name: "speaker", user_id: user.id });
    using first = await TestSocket.open(server.wsUrl, introduction);
    expect(violations(said, "connection_status.lty.v1", first.greeting)).toBe("");
    await server.data("POST", `/api/devices/${device.id}/messages/`, { type: "note", message: "not for apps" });
    await server.data("POST", "/api/messages/", { type: "note", message: "for all", user_id: user.id });
    const [skip, pushed] = [await first.next(), await first.next()];
    expect([skip.type, pushed.type]).toEqual(["skip", "note"]);
    expect(violations(said, "skip", skip)).toBe("");
    expect(violations(said, "pushed", pushed)).toBe("");
    const ack = { type: "ack", seq: pushed.seq };
    expect(violations(asked, "ack", ack)).toBe("");
    first.send(ack);
    expect(await first.rest()).toEqual([]);

    const elsewhere = { ...introduction.query, epoch: "another", seq: "9", last: "unknown" };
    using second = await TestSocket.open(server.wsUrl, { ...introduction, query: elsewhere });
    const reset = await second.next();
    expect(reset.type).toBe("reset");
    expect(violations(said, "reset", reset)).toBe("");

    const speaker = await server.data<{ token: string }>("POST", "/api/tokens/", { device_id: device.id });
    using third = await TestSocket.open(server.wsUrl, { token: speaker.token, protocol: "lty.v1" });
    await server.data("PATCH", `/api/devices/${device.id}/`, { user_id: null });
    const { code, frames } = await third.ended();
    const bye = frames.find(({ type }) => type === "bye");
    expect(code).toBe(1012);
    expect(violations(said, "bye", bye)).toBe("");
  });
});

test("what is not in the contract is found", () => {
  expect(violations(said, "pong", { type: "pong" })).not.toBe("");
  expect(violations(said, "skip", { type: "skip", seq: 1, reason: "bored" })).not.toBe("");
  expect(violations(asked, "chat_message", { type: "chat_message", message: "" })).not.toBe("");
});
