import { describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { HeldChat, ManualClock, startTestGateway, type TestGatewayOptions } from "@qy-lty/testkit";
import type { CurrentWeather } from "../providers/weather/weather.ts";
import { MemoryTransport } from "../transport/memory.ts";

/** A gateway in memory with a clock and a companion of the test's own, and a user's socket on it. */
async function start(options: TestGatewayOptions = {}) {
  const clock = new ManualClock();
  const chat = new HeldChat();
  const services = { chat, ...options.services };
  const gateway = await startTestGateway({ transport: new MemoryTransport(), clock, ...options, services });
  const person = await gateway.person();
  const socket = await gateway.enter(person.token);
  return { gateway, clock, chat, socket, person };
}

const unreadable = { now: () => ({ temp: 1n }) as unknown as CurrentWeather };
const long = "x".repeat(10_241);
const deep = "[".repeat(40) + "]".repeat(40);

describe("checks", () => {
  test.each([
    ["size before JSON", `{${long}`, "MESSAGE_TOO_LARGE"],
    ["JSON before envelope", '["type"', "INVALID_JSON"],
    ["envelope before type", `{"type":"fly","id":1}`, "INVALID_MESSAGE"],
    ["depth before type", `{"type":"fly","message":${deep}}`, "INVALID_MESSAGE"],
    ["type before body", `{"type":"fly","message":1}`, "UNSUPPORTED_TYPE"],
    ["body last", `{"type":"sing","message":1}`, "INVALID_MESSAGE"],
  ])("%s", async (_, frame, code) => {
    const { gateway, socket } = await start();
    await using _gateway = gateway;
    socket.send(frame);
    expect(await socket.next()).toMatchObject({ type: "error", code });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("rate before all: one frame too many ends the connection, whatever it is", async () => {
    const { gateway, socket } = await start({ config: { rateLimitMessages: 2 } });
    await using _gateway = gateway;
    for (const frame of ["bad", '{"type":"ping"}', `{${long}`]) socket.send(frame);
    expect([await socket.next(), await socket.next(), await socket.next()]).toMatchObject([
      { code: "INVALID_JSON" },
      { type: "pong" },
      { type: "error", code: "RATE_LIMITED", message: "Rate limit exceeded", retry_after_ms: 30_000 },
    ]);
    expect(await socket.closed).toEqual({ code: 4008, reason: "rate limit exceeded" });
  });

  test.each([
    ['{"type":"ping","id":"a"}', "a"],
    ['{"type":"ping","id":""}', ""],
    ['{"type":"fly","id":"b"}', "b"],
    ['{"type":"sing","message":1,"id":"c"}', "c"],
    ['{"type":7,"id":"d"}', "d"],
    [`{"type":"x","message":${deep},"id":"e"}`, "e"],
    ['{"type":"ping"}', undefined],
    ['{"type":"ping","id":5}', undefined],
    [`{"type":"ping","id":"f","message":"${long}"}`, undefined],
  ])("%#: the answer carries the frame's id", async (frame, id) => {
    const { gateway, socket } = await start();
    await using _gateway = gateway;
    socket.send(frame);
    expect((await socket.next()).id).toBe(id as never);
  });

  test("a binary frame is refused and counts for the rate", async () => {
    const { gateway, socket } = await start({ config: { rateLimitMessages: 1 } });
    await using _gateway = gateway;
    socket.sendBinary(new Uint8Array(3));
    socket.send({ type: "ping" });
    expect(await socket.next()).toMatchObject({
      code: "UNSUPPORTED_BINARY",
      message: "Binary frames are not supported",
    });
    expect(await socket.next()).toMatchObject({ code: "RATE_LIMITED" });
  });
});

describe("the rate", () => {
  test("0 switches it off", async () => {
    const { gateway, socket } = await start({ config: { rateLimitMessages: 0 } });
    await using _gateway = gateway;
    for (let i = 0; i < 1_000; i++) socket.send({ type: "ping" });
    await socket.ask({ type: "ping" });
    expect(socket.frames.filter(({ type }) => type === "pong")).toHaveLength(1_001);
  });

  test("is refilled as time passes", async () => {
    const { gateway, socket, clock } = await start({ config: { rateLimitMessages: 2, rateLimitWindowS: 10 } });
    await using _gateway = gateway;
    for (let i = 0; i < 20; i++) {
      expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
      clock.advance(5_000);
    }
  });

  test("is per connection, and 4 times that per principal, whom reconnecting does not help", async () => {
    const { gateway, person } = await start({ config: { rateLimitMessages: 2 } });
    await using _gateway = gateway;
    for (let connection = 0; connection < 4; connection++) {
      const socket = await gateway.enter(person.token);
      await socket.ask({ type: "ping" });
      await socket.ask({ type: "ping" });
      if (connection < 3) socket.close();
    }
    const late = await gateway.enter(person.token);
    late.send({ type: "ping" });
    expect(await late.next()).toMatchObject({ code: "RATE_LIMITED", retry_after_ms: 7_500 });
    const other = await gateway.enter((await gateway.person()).token);
    expect(await other.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });
});

describe("a slow skill", () => {
  test("holds back what came after it, errors and binary frames too; ping overtakes", async () => {
    const { gateway, socket, chat } = await start();
    await using _gateway = gateway;
    socket.send({ type: "chat_message", message: "hello", id: "1" });
    socket.send({ type: "sing", id: "2" });
    socket.send("not JSON");
    socket.sendBinary(new Uint8Array(1));
    socket.send({ type: "chat_message", message: "again", id: "5" });
    socket.send({ type: "fly", id: "6" });
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(socket.frames.map(({ type }) => type)).toEqual(["connection_status", "pong"]);

    (await chat.questions.next()).answer("hello yourself");
    const second = await chat.questions.next();
    expect(second.text).toBe("again");
    second.answer("and again");
    await socket.nextOfType("chat_response");
    const last = [
      await socket.next(),
      await socket.next(),
      await socket.next(),
      await socket.next(),
      await socket.next(),
    ];
    expect(last).toMatchObject([
      { type: "sing_response", id: "2" },
      { code: "INVALID_JSON" },
      { code: "UNSUPPORTED_BINARY" },
      { type: "chat_response", message: "and again", id: "5" },
      { code: "UNSUPPORTED_TYPE", id: "6" },
    ]);
    expect(chat.questions.all).toHaveLength(2);
  });

  test("one session's does not hold back another's", async () => {
    const { gateway, socket, person } = await start();
    await using _gateway = gateway;
    socket.send({ type: "chat_message", message: "hello" });
    const other = await gateway.enter(person.token);
    expect(await other.ask({ type: "sing" })).toMatchObject({ type: "sing_response" });
  });

  test("has 30 s; then its signal aborts, and the session goes on", async () => {
    const { gateway, socket, chat, clock } = await start();
    await using _gateway = gateway;
    const timers = clock.timers;
    socket.send({ type: "chat_message", message: "hello", id: "1" });
    socket.send({ type: "sing", id: "2" });
    const question = await chat.questions.next();
    clock.advance(29_999);
    expect(question.signal.aborted).toBe(false);
    clock.advance(1);
    expect(question.signal.aborted).toBe(true);
    expect(await socket.next()).toMatchObject({
      type: "error",
      code: "UPSTREAM_FAILED",
      message: "Chat service is unavailable",
      id: "1",
    });
    expect(await socket.next()).toMatchObject({ type: "sing_response", id: "2" });
    question.answer("too late");
    question.fail(new Error("later still"));
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(socket.waiting).toEqual([]);
    expect(clock.timers).toBe(timers);
  });

  test("is told when its asker leaves, and what waited behind it is dropped", async () => {
    const { gateway, socket, chat, clock } = await start();
    await using _gateway = gateway;
    const timers = clock.timers;
    socket.send({ type: "chat_message", message: "hello" });
    socket.send({ type: "chat_message", message: "never asked" });
    const question = await chat.questions.next();
    socket.close();
    await socket.closed;
    expect(question.signal.aborted).toBe(true);
    question.fail(question.signal.reason);
    await gateway.enter((await gateway.person()).token);
    expect(chat.questions.all).toHaveLength(1);
    expect(clock.timers).toBe(timers);
  });

  test("that asks for its signal late learns what happened meanwhile", async () => {
    const asked = Promise.withResolvers<() => AbortSignal>();
    const reply = (_text: string, signal: () => AbortSignal) => {
      asked.resolve(signal);
      return new Promise<never>(() => {});
    };
    const { gateway, socket } = await start({ services: { chat: { reply } } });
    await using _gateway = gateway;
    socket.send({ type: "chat_message", message: "hello" });
    const signal = await asked.promise;
    socket.close();
    await socket.closed;
    expect(signal().reason).toEqual(new Error("the connection was closed"));
  });

  test("that answers leaves no timer behind", async () => {
    const { gateway, socket, chat, clock } = await start();
    await using _gateway = gateway;
    const timers = clock.timers;
    socket.send({ type: "chat_message", message: "hello" });
    (await chat.questions.next()).answer("hi");
    await socket.nextOfType("chat_response");
    await socket.ask({ type: "ping" });
    expect(clock.timers).toBe(timers);
  });
});

describe("a failure", () => {
  const failing = (fail: () => never) => ({
    services: { chat: { reply: fail }, weather: { now: async () => fail() } },
    expectsErrors: true,
  });

  test.each(["chat_message", "weather"])(
    "of ours (%s) is INTERNAL_ERROR, and the log knows it by the same id",
    async (type) => {
      const { gateway, socket } = await start(
        failing(() => {
          throw new Error("the cause with its secrets");
        }),
      );
      await using _gateway = gateway;
      const error = await socket.ask({ type, message: "北京" });
      expect(error).toMatchObject({ type: "error", code: "INTERNAL_ERROR", message: "Internal server error" });
      expect(JSON.stringify(error)).not.toContain("secrets");
      const [line] = gateway.log.errors;
      expect(line).toMatchObject({
        msg: "internal error",
        request_id: error.request_id,
        session_id: expect.any(String),
      });
      expect(JSON.stringify(line)).toContain("the cause with its secrets");
      expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
    },
  );

  test.each(["chat_message", "weather"])(
    "of a service (%s) is UPSTREAM_FAILED in our words, and a warning",
    async (type) => {
      const { gateway, socket } = await start({
        ...failing(() => {
          throw new GatewayError("UPSTREAM_FAILED", "its own words", { cause: new Error("why") });
        }),
        expectsErrors: false,
      });
      await using _gateway = gateway;
      const error = await socket.ask({ type, message: "北京" });
      const message = type === "weather" ? "Weather query failed" : "Chat service is unavailable";
      expect(error).toMatchObject({ type: "error", code: "UPSTREAM_FAILED", message });
      expect(error.message).not.toContain("own words");
      const warning = gateway.log.lines.filter(({ level }) => level === 40).at(-1);
      expect(warning).toMatchObject({ msg: message, user_id: 1 });
      expect(JSON.stringify(warning)).toContain("caused by: Error: why");
    },
  );

  test("to write an answer is a failure of ours, at once or behind a slow one, and the session goes on", async () => {
    const { gateway, socket, chat } = await start({ services: { weather: unreadable }, expectsErrors: true });
    await using _gateway = gateway;
    expect(await socket.ask({ type: "weather" })).toMatchObject({ code: "INTERNAL_ERROR" });
    socket.send({ type: "chat_message", message: "hello" });
    socket.send({ type: "weather", id: "behind" });
    socket.send({ type: "sing", id: "next" });
    (await chat.questions.next()).answer("hi");
    expect(await socket.nextOfType("error")).toMatchObject({ code: "INTERNAL_ERROR", id: "behind" });
    expect(await socket.next()).toMatchObject({ type: "sing_response", id: "next" });
    expect(gateway.log.saying("internal error")).toHaveLength(2);
  });
});
