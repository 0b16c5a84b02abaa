import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Person, person, unique } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { SlowWeather } from "./support/slow-weather.ts";
import { TestSocket } from "./support/socket.ts";

let weather: SlowWeather;
let server: TestServer;
let alice: Person;

beforeAll(async () => {
  weather = new SlowWeather();
  server = await TestServer.start({ LTY_WEATHER_PROVIDER: "open-meteo", LTY_WEATHER_BASE_URL: weather.url });
  alice = await person(server);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), weather[Symbol.asyncDispose]()]));

const open = () => TestSocket.open(server.wsUrl, { token: alice.token });

/** Asks for the weather of a new city, and comes back once the gateway waits for it. */
async function askSlowly(socket: TestSocket, name = "city"): Promise<string> {
  const city = unique(name);
  socket.send({ type: "weather", message: city, id: "slow" });
  await weather.asked(city);
  return city;
}

describe("while a slow frame is worked on", () => {
  test("ping overtakes, and everything else is answered in order behind it", async () => {
    using socket = await open();
    const city = await askSlowly(socket);
    socket.send({ type: "chat_message", message: "hi", id: "chat" });
    socket.send("no JSON");
    socket.send({ type: "nothing", id: "unknown" });
    socket.sendBytes(new Uint8Array(1));
    socket.send("x".repeat(10_241));
    socket.send({ type: "sing", id: "sing" });
    expect(await socket.ask({ type: "ping", id: "ping" })).toMatchObject({ type: "pong", id: "ping" });
    expect(await socket.rest()).toEqual([]);

    weather.release(city);
    const answers = [];
    for (let count = 0; count < 7; count++) answers.push(await socket.next());
    expect(answers.map((answer) => answer.id ?? answer.code)).toEqual([
      "slow",
      "chat",
      "INVALID_JSON",
      "unknown",
      "UNSUPPORTED_BINARY",
      "MESSAGE_TOO_LARGE",
      "sing",
    ]);
  });

  test("frames beyond what may wait are read later, and none is lost", async () => {
    using socket = await open();
    const city = await askSlowly(socket);
    const text = "好".repeat(2_000);
    for (let count = 0; count < 500; count++) socket.send({ type: "chat_message", message: text, id: `${count}` });
    weather.release(city);
    expect(await socket.next()).toMatchObject({ id: "slow" });
    for (let count = 0; count < 500; count++) expect((await socket.next()).id).toBe(`${count}`);
  });

  test("other connections of the same user are not held up", async () => {
    using socket = await open();
    using other = await open();
    const city = await askSlowly(socket);
    expect(await other.ask({ type: "chat_message", message: "hi" })).toMatchObject({ type: "chat_response" });
    weather.release(city);
    expect(await socket.next()).toMatchObject({ id: "slow" });
  });

  test("pushes are delivered", async () => {
    using socket = await open();
    const city = await askSlowly(socket);
    await server.data("POST", "/api/messages/", { type: "note", message: "hi", user_id: alice.id, ttl: 0 });
    expect(await socket.next()).toMatchObject({ type: "note" });
    weather.release(city);
    expect(await socket.next()).toMatchObject({ id: "slow" });
  });

  test("a client that leaves leaves nothing behind", async () => {
    const socket = await open();
    const city = await askSlowly(socket);
    socket.close();
    await socket.closing;
    weather.release(city);
    using next = await open();
    expect(await next.rest()).toEqual([]);
    expect(server.output).not.toContain("internal error");
  });
});

describe("an upstream that", () => {
  test("does not know the city: CITY_NOT_FOUND, with the id of the frame", async () => {
    using socket = await open();
    weather.release(await askSlowly(socket, "nowhere"));
    expect(await socket.next()).toMatchObject({
      type: "error",
      message: expect.stringMatching(/^Weather query failed: /),
      code: "CITY_NOT_FOUND",
      id: "slow",
    });
  });

  test("fails: UPSTREAM_FAILED, without its words, and the socket stays open", async () => {
    using socket = await open();
    weather.release(await askSlowly(socket, "broken"));
    const answer = await socket.next();
    expect(answer).toMatchObject({
      type: "error",
      message: expect.stringMatching(/^Weather query failed: /),
      code: "UPSTREAM_FAILED",
      id: "slow",
    });
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(server.output).not.toContain("secret");
    expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("answers well: rounded, as strings", async () => {
    using socket = await open();
    const city = await askSlowly(socket);
    weather.release(city);
    expect(await socket.next()).toMatchObject({
      type: "weather_response",
      data: {
        city: { name: city },
        weather: { now: { temp: "21", text: expect.any(String), icon: expect.stringMatching(/^\d{3}$/) } },
        provider: "open-meteo",
      },
    });
  });
});

test("answers to frames sent in one go come in their order", async () => {
  using socket = await open();
  const kinds = ["chat_message", "sing", "dance", "nothing", "ping"] as const;
  const sent = Array.from({ length: 200 }, (_, index) => `${index}`);
  for (const [index, id] of sent.entries())
    socket.send({ type: kinds[index % kinds.length], message: { text: "x" }, id });
  for (const id of sent) expect((await socket.next()).id).toBe(id);
});
