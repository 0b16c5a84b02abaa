import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { timestamp } from "./support/expect.ts";
import { type Person, person } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let socket: TestSocket;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  socket = await TestSocket.open(server.wsUrl, { token: alice.token });
});
afterEach(() => socket[Symbol.dispose]());

const heard = (text: string) => ({ type: "chat_response", message: `收到消息:${text}` });
const weatherOf = (name: string) => ({
  type: "weather_response",
  data: {
    city: { name },
    weather: { now: { temp: "25", text: "晴", icon: "100" }, updateTime: "2023-01-01T12:00:00Z" },
    provider: "fixed",
  },
});
const singing = (song: string, artist: string) => ({
  type: "sing_response",
  data: { song, artist, action: "start_singing" },
  message: `开始播放:${song} - ${artist}`,
});
const dancing = (dance: string, style: string, duration: string) => ({
  type: "dance_response",
  data: { dance, style, duration, action: "start_dancing" },
  message: `开始跳舞:${dance} (${style})`,
});
const pong = { type: "pong" };

/** What is sent beside `type`, and the whole answer beside its timestamp. */
const exchanges: Record<string, readonly (readonly [name: string, sent: object, answer: object])[]> = {
  ping: [
    ["alone", {}, pong],
    ["with the {} of the original's heartbeat", { message: {} }, pong],
    ["with null", { message: null }, pong],
    ["with anything at all", { message: [1, { deep: ["x"] }] }, pong],
  ],
  chat_message: [
    ["a text", { message: "你好" }, heard("你好")],
    ["an object with a text", { message: { text: "你好" } }, heard("你好")],
    ["members nobody knows", { message: { text: "你好", mood: "glad" } }, heard("你好")],
    ["spaces are kept", { message: "  a  b " }, heard("  a  b ")],
    ["quotes, backslashes and line ends", { message: '"\\\n\r\t\u2028' }, heard('"\\\n\r\t\u2028')],
    ["characters beyond the BMP", { message: "🐱👩‍👩‍👧" }, heard("🐱👩‍👩‍👧")],
    ["a NUL", { message: "a\u0000b" }, heard("a\u0000b")],
  ],
  weather: [
    ["a text", { message: "上海" }, weatherOf("上海")],
    ["an object with a city", { message: { city: "上海" } }, weatherOf("上海")],
    ["spaces around a city do not matter", { message: { city: " 上海 " } }, weatherOf("上海")],
    ["none: the default city", {}, weatherOf("北京")],
    ["null: the default city", { message: null }, weatherOf("北京")],
    ["{}: the default city", { message: {} }, weatherOf("北京")],
    ["a null city: the default city", { message: { city: null } }, weatherOf("北京")],
  ],
  sing: [
    ["song and artist", { message: { song: "青花瓷", artist: "周杰伦" } }, singing("青花瓷", "周杰伦")],
    ["a song alone", { message: { song: "青花瓷" } }, singing("青花瓷", "")],
    ["an artist alone", { message: { artist: "周杰伦" } }, singing("", "周杰伦")],
    ["nulls are missing", { message: { song: null, artist: null } }, singing("", "")],
    ["{}", { message: {} }, singing("", "")],
    ["none", {}, singing("", "")],
    ["null", { message: null }, singing("", "")],
  ],
  dance: [
    [
      "all three",
      { message: { dance: "华尔兹", style: "优雅", duration: "1分钟" } },
      dancing("华尔兹", "优雅", "1分钟"),
    ],
    ["without a duration: 30秒", { message: { dance: "华尔兹", style: "优雅" } }, dancing("华尔兹", "优雅", "30秒")],
    ["a dance alone", { message: { dance: "华尔兹" } }, dancing("华尔兹", "", "30秒")],
    ["a null duration", { message: { duration: null } }, dancing("", "", "30秒")],
    ["{}", { message: {} }, dancing("", "", "30秒")],
    ["none", {}, dancing("", "", "30秒")],
  ],
};

for (const [type, rows] of Object.entries(exchanges)) {
  describe(`${type}:`, () => {
    for (const [name, sent, answer] of rows) {
      test(name, async () => {
        expect(await socket.ask({ type, ...sent })).toEqual({ ...answer, timestamp } as never);
      });
    }

    test("carries the id of its frame", async () => {
      const [, sent, answer] = rows[0] ?? [];
      for (const id of ["1", "", "问题-🐱", '"\\', "x".repeat(1_000)]) {
        expect(await socket.ask({ type, id, ...sent })).toEqual({ ...answer, id, timestamp } as never);
      }
    });
  });
}

describe("a body that is not what the type asks for is INVALID_MESSAGE, and the socket stays open:", () => {
  const bad: readonly (readonly [type: string, message: unknown])[] = [
    ...[undefined, null, "", 7, true, [], ["hi"], {}, { text: "" }, { text: 7 }, { text: null }].map(
      (message) => ["chat_message", message] as const,
    ),
    ...["", "  ", 7, true, [], { city: "" }, { city: 7 }, { city: ["上海"] }, "c".repeat(101)].map(
      (message) => ["weather", message] as const,
    ),
    ...["青花瓷", 7, false, [], { song: 7 }, { artist: {} }].map((message) => ["sing", message] as const),
    ...["华尔兹", 7, [], { dance: [] }, { style: 0 }, { duration: 30 }].map((message) => ["dance", message] as const),
  ];
  for (const [type, message] of bad) {
    test(`${type} ${message === undefined ? "without a message" : JSON.stringify(message).slice(0, 40)}`, async () => {
      expect(await socket.ask({ type, message, id: "7" })).toEqual({
        type: "error",
        message: expect.stringMatching(/^Message validation error: message/),
        code: "INVALID_MESSAGE",
        timestamp,
        id: "7",
      } as never);
      expect(await socket.ask({ type: "ping" })).toEqual({ ...pong, timestamp } as never);
    });
  }
});

describe("of the envelope", () => {
  test("unknown members are ignored, and timestamp may be anything", async () => {
    const extras = { timestamp: { not: "a time" }, token: "x", seq: -1, user_id: 999, sender: "root" };
    expect(await socket.ask({ type: "ping", ...extras })).toEqual({ ...pong, timestamp } as never);
  });

  test("the order of members and white space do not matter", async () => {
    expect(await socket.ask(' \n{ "message" : "hi" , "type" : "chat_message" }\t')).toMatchObject(heard("hi"));
  });

  test("of a member that comes twice the last counts", async () => {
    expect(await socket.ask('{"type":"dance","type":"ping","id":"1","id":"2"}')).toMatchObject({ ...pong, id: "2" });
  });
});

describe("a lone surrogate is answered escaped, for no frame may carry it bare:", () => {
  test("in a text", async () => {
    expect(await socket.ask('{"type":"chat_message","message":"a\\ud800b"}')).toMatchObject(heard("a\ud800b"));
    expect(socket.received.at(-1)).toContain("a\\ud800b");
  });

  test("in an id", async () => {
    expect(await socket.ask('{"type":"ping","id":"\\udfff"}')).toMatchObject({ ...pong, id: "\udfff" });
    expect(socket.received.at(-1)).toContain("\\udfff");
  });

  test("in an unknown type", async () => {
    expect(await socket.ask('{"type":"\\ud83d"}')).toMatchObject({ code: "UNSUPPORTED_TYPE" });
    expect(socket.received.at(-1)).toContain("\\ud83d");
  });
});

test("LTY_DEFAULT_CITY names the default city", async () => {
  await using other = await TestServer.start({ LTY_DEFAULT_CITY: "广州" });
  using asking = await TestSocket.open(other.wsUrl, { token: other.adminToken });
  expect(await asking.ask({ type: "weather" })).toMatchObject(weatherOf("广州"));
});
