import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { companion, person } from "./support/people.ts";
import { app, reliable } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { SlowWeather } from "./support/slow-weather.ts";
import { type Introduction, TestSocket } from "./support/socket.ts";

let weather: SlowWeather;
let server: TestServer;

beforeAll(async () => {
  weather = new SlowWeather();
  server = await TestServer.start({ LTY_WEATHER_PROVIDER: "open-meteo", LTY_WEATHER_BASE_URL: weather.url });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await weather[Symbol.asyncDispose]();
});

const chat = (id: string, message: string) => ({ type: "chat_message", id, message });

/** The last frame that came, as it came. */
const lastText = (socket: TestSocket) => socket.received.at(-1);

describe("a question with an id, asked again by a consumer that has a name,", () => {
  const named: Record<string, () => Promise<() => Promise<TestSocket>>> = {
    "a device": async () => {
      const device = await companion(server, await person(server));
      return () => reliable(server, device);
    },
    "a device of the original document": async () => {
      const device = await companion(server, await person(server));
      return () => TestSocket.open(server.wsUrl, device);
    },
    "an app": async () => {
      const user = await person(server);
      return () => app(server, user, "phone");
    },
  };
  for (const [name, make] of Object.entries(named)) {
    test(`gets the answer it had, to the letter, on whatever connection: ${name}`, async () => {
      const open = await make();
      let answer: string | undefined;
      {
        using socket = await open();
        expect(await socket.ask(chat("1", "first"))).toMatchObject({ message: "收到消息:first", id: "1" });
        answer = lastText(socket);
        await socket.ask(chat("1", "second"));
        expect(lastText(socket)).toBe(answer as string);
        // Without an id, or with another, it is another question.
        expect(await socket.ask({ type: "chat_message", message: "second" })).toMatchObject({
          message: "收到消息:second",
        });
        expect(await socket.ask(chat("2", "second"))).toMatchObject({ message: "收到消息:second" });
      }
      using again = await open();
      await again.ask(chat("1", "first"));
      expect(lastText(again)).toBe(answer as string);
    });
  }

  test("also where that was an error, and asks no service twice", async () => {
    const device = await companion(server, await person(server));
    using socket = await reliable(server, device);
    const ask = (city: string) => socket.ask({ type: "weather", id: "w", message: { city } });
    const first = ask("nowhere-1");
    await weather.asked("nowhere-1");
    weather.release("nowhere-1");
    expect(await first).toMatchObject({ type: "error", code: "CITY_NOT_FOUND", id: "w" });
    const answer = lastText(socket);
    // Were it asked for, this city's answer would be waited for.
    await ask("never-asked");
    expect(lastText(socket)).toBe(answer as string);
  });

  test("finds only its own answers", async () => {
    const user = await person(server);
    using one = await app(server, user, "one");
    using two = await app(server, user, "two");
    await one.ask(chat("1", "of one"));
    expect(await two.ask(chat("1", "of two"))).toMatchObject({ message: "收到消息:of two" });
  });
});

describe("a connection that has no name of its own runs whatever it is asked:", () => {
  const unnamed: Record<string, (token: string) => Introduction> = {
    "a user without a role": (token) => ({ token }),
    "an app that names nothing": (token) => ({ token, query: { role: "app" } }),
  };
  for (const [name, introduction] of Object.entries(unnamed)) {
    test(name, async () => {
      const user = await person(server);
      using socket = await reliable(server, introduction(user.token));
      expect(await socket.ask(chat("1", "first"))).toMatchObject({ message: "收到消息:first" });
      expect(await socket.ask(chat("1", "second"))).toMatchObject({ message: "收到消息:second" });
    });
  }
});

test("a request that was under way when its connection was cut can be asked again", async () => {
  const device = await companion(server, await person(server));
  const ask = { type: "weather", id: "slow", message: { city: "slow-city" } };
  {
    using socket = await reliable(server, device);
    socket.send(ask);
    await weather.asked("slow-city");
  }
  using again = await reliable(server, device);
  const answer = again.ask(ask);
  weather.release("slow-city");
  expect(await answer).toMatchObject({ type: "weather_response", id: "slow" });
  const text = lastText(again);
  await again.ask(ask);
  expect(lastText(again)).toBe(text as string);
});
