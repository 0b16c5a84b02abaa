import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { timestamp } from "./support/expect.ts";
import { type Person, person } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let roomy: TestServer;
let alice: Person;
let socket: TestSocket;

beforeAll(async () => {
  [server, roomy] = await Promise.all([TestServer.start(), TestServer.start({ LTY_MAX_MESSAGE_CHARS: "65536" })]);
  alice = await person(server);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), roomy[Symbol.asyncDispose]()]));
beforeEach(async () => {
  socket = await TestSocket.open(server.wsUrl, { token: alice.token });
});
afterEach(() => socket[Symbol.dispose]());

/** Sends it, wants this answer and nothing else, and the socket to go on. */
async function refuses(frame: string, code: string, message: unknown, id?: string): Promise<void> {
  const echoed = id === undefined ? {} : { id };
  expect(await socket.ask(frame)).toEqual({ type: "error", message, code, timestamp, ...echoed } as never);
  expect(await socket.rest()).toEqual([]);
}

const invalid = expect.stringMatching(/^Message validation error: ./);

describe("INVALID_JSON:", () => {
  const frames = ["", " ", "hello", "{", '{"type":"ping"', '{"type":"ping"}}', "{'type':'ping'}", '{"type":"ping",}'];
  const more = ["NaN", "undefined", '{"type":"ping"}\u0000', "\ufeff{}", "[".repeat(100), '{"type":"pi\nng"}', "01"];
  for (const frame of [...frames, ...more]) {
    test(JSON.stringify(frame).slice(0, 30), () => refuses(frame, "INVALID_JSON", "Invalid JSON format"));
  }
});

describe("INVALID_MESSAGE, of the envelope:", () => {
  const frames = ["null", "true", "7", '"ping"', "[]", '[{"type":"ping"}]', "{}", '{"message":"hi"}'];
  const types = ["null", "7", "true", "[]", '["ping"]', "{}"].map((type) => `{"type":${type}}`);
  const names = ['{"Type":"ping"}', '{"__proto__":{"type":"ping"}}', '{"constructor":{"type":"ping"}}'];
  for (const frame of [...frames, ...types, ...names]) {
    test(frame, () => refuses(frame, "INVALID_MESSAGE", invalid));
  }

  for (const id of ["7", "null", "true", "{}", '["1"]']) {
    test(`an id that is no string, ${id}, and is not echoed`, () =>
      refuses(`{"type":"ping","id":${id}}`, "INVALID_MESSAGE", invalid));
  }

  test("what is wrong, with the id of the frame", () => refuses('{"id":"5"}', "INVALID_MESSAGE", invalid, "5"));
});

describe("UNSUPPORTED_TYPE:", () => {
  const inherited = ["toString", "__proto__", "constructor", "hasOwnProperty", "valueOf"];
  const reserved = ["pong", "error", "connection_status", "chat_response"];
  for (const type of [...inherited, ...reserved, "", "PING", "ping ", "唱歌", "x".repeat(500)]) {
    test(JSON.stringify(type).slice(0, 30), () =>
      refuses(JSON.stringify({ type, id: "1" }), "UNSUPPORTED_TYPE", `Unsupported message type: ${type}`, "1"),
    );
  }
});

describe("keys of prototypes are members like any other:", () => {
  const rows: readonly (readonly [frame: string, answer: object])[] = [
    ['{"type":"weather","message":{"__proto__":{"city":"上海"}}}', { data: { city: { name: "北京" } } }],
    ['{"type":"sing","message":{"constructor":{"prototype":{"song":"x"}}}}', { data: { song: "", artist: "" } }],
    ['{"type":"dance","message":{"__proto__":{"duration":"1小时"},"dance":"a"}}', { data: { duration: "30秒" } }],
    ['{"type":"chat_message","message":"hi","__proto__":{"id":"1"}}', { message: "收到消息:hi" }],
  ];
  for (const [frame, answer] of rows) {
    test(frame, async () => {
      const answered = await socket.ask(frame);
      expect(answered).toMatchObject(answer);
      expect(answered.id).toBeUndefined();
      // Nothing was inherited by what comes after.
      expect(await socket.ask({ type: "sing" })).toMatchObject({ data: { song: "", artist: "" } });
    });
  }
});

describe("UNSUPPORTED_BINARY:", () => {
  for (const [name, bytes] of Object.entries({
    "a frame in binary": new TextEncoder().encode('{"type":"ping","id":"1"}'),
    "nothing, in binary": new Uint8Array(),
    "60,000 bytes": new Uint8Array(60_000),
  })) {
    test(name, async () => {
      socket.sendBytes(bytes);
      expect(await socket.next()).toEqual({
        type: "error",
        message: "Binary frames are not supported",
        code: "UNSUPPORTED_BINARY",
        timestamp,
      } as never);
      expect(await socket.rest()).toEqual([]);
    });
  }
});

/** A chat frame of exactly that many code points. */
function chatOf(characters: number, filler: string): string {
  const empty = '{"type":"chat_message","message":""}';
  return empty.replace('""', `"${filler.repeat(characters - empty.length)}"`);
}

describe("MESSAGE_TOO_LARGE counts characters, whatever bytes they take:", () => {
  for (const [name, filler] of Object.entries({ ASCII: "a", Chinese: "好", "beyond the BMP": "🐱" })) {
    test(`10,240 of ${name} are taken, 10,241 are not, and the socket stays open`, async () => {
      const text = filler.repeat(10_240 - 36);
      expect(await socket.ask(chatOf(10_240, filler))).toMatchObject({ message: `收到消息:${text}` });
      await refuses(chatOf(10_241, filler), "MESSAGE_TOO_LARGE", "Message too large");
    });
  }

  test("white space counts too", () =>
    refuses(`{"type":"ping"}${" ".repeat(10_240)}`, "MESSAGE_TOO_LARGE", "Message too large"));

  test("LTY_MAX_MESSAGE_CHARS moves the bound", async () => {
    using other = await TestSocket.open(roomy.wsUrl, { token: roomy.adminToken });
    expect(await other.ask(chatOf(65_536, "a"))).toMatchObject({ type: "chat_response" });
  });
});

/** A ping that nests `depth` levels, the envelope being 1. */
const pingOf = (depth: number, open: string, close: string) =>
  `{"type":"ping","message":${open.repeat(depth - 1)}${close.repeat(depth - 1)}}`;

describe("nesting", () => {
  const kinds = { arrays: ["[", "]"], objects: ['{"a":', "}"] } as const;
  for (const [kind, [open, close]] of Object.entries(kinds)) {
    const inner = kind === "objects" ? "1" : "";
    const frame = (depth: number) => pingOf(depth, open, close).replace(`${open}${close}`, `${open}${inner}${close}`);
    test(`of 32 levels of ${kind} is taken, of 33 refused`, async () => {
      expect(await socket.ask(frame(32))).toMatchObject({ type: "pong" });
      await refuses(frame(33), "INVALID_MESSAGE", "Message validation error: nested deeper than 32 levels");
    });
  }

  test("beside the message is bounded too", () =>
    refuses(`{"type":"ping","x":${"[".repeat(40)}${"]".repeat(40)}}`, "INVALID_MESSAGE", invalid));

  test("as deep as a frame can be harms nothing", async () => {
    using other = await TestSocket.open(roomy.wsUrl, { token: roomy.adminToken });
    for (const depth of [1_000, 10_000, 32_700]) {
      expect(await other.ask(pingOf(depth, "[", "]"))).toMatchObject({ code: "INVALID_MESSAGE" });
    }
    expect(await other.ask(`{"type":"ping","message":${'{"a":'.repeat(13_000)}`)).toMatchObject({ type: "error" });
    expect(await other.ask("[".repeat(65_000))).toMatchObject({ type: "error" });
    expect(await other.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });
});

describe("checks run in the order size, JSON, envelope, type, body:", () => {
  const deep = `${"[".repeat(40)}${"]".repeat(40)}`;
  const rows: readonly (readonly [name: string, frame: string, code: string])[] = [
    ["too large and no JSON", "x".repeat(10_241), "MESSAGE_TOO_LARGE"],
    ["too large with an id, which is not read", `{"id":"1","message":"${"x".repeat(10_241)}"}`, "MESSAGE_TOO_LARGE"],
    ["no JSON, of an unknown type", '{"type":"nothing"', "INVALID_JSON"],
    ["no string type, too deep", `{"type":1,"message":${deep}}`, "INVALID_MESSAGE"],
    ["too deep, of an unknown type", `{"type":"nothing","message":${deep}}`, "INVALID_MESSAGE"],
    ["a bad id, of an unknown type", '{"type":"nothing","id":1}', "INVALID_MESSAGE"],
    ["an unknown type with a bad body", '{"type":"nothing","message":7}', "UNSUPPORTED_TYPE"],
    ["a bad body", '{"type":"chat_message","message":7}', "INVALID_MESSAGE"],
  ];
  for (const [name, frame, code] of rows) {
    test(`${name}: ${code}`, async () => {
      const answer = await socket.ask(frame);
      expect(answer.code).toBe(code);
      expect(answer.id).toBeUndefined();
      expect(await socket.rest()).toEqual([]);
    });
  }
});
