import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { STUB_KEY, WeatherStub } from "../../../../testkit/src/weather-stub.ts";
import { ConfigError, loadConfig } from "../../config/load.ts";
import { createWeather } from "./create.ts";
import { noSignal } from "./weather.contract.ts";

const QWEATHER = {
  LTY_WEATHER_PROVIDER: "qweather",
  LTY_QWEATHER_HOST: "abc.qweatherapi.com",
  LTY_QWEATHER_KEY: "k3y",
};

/** The one line that stops the start. */
function problem(start: () => unknown): string {
  try {
    start();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("the settings were accepted");
}

describe("createWeather", () => {
  test("fixed answers without a cache or a promise", () => {
    const config = loadConfig({ LTY_WEATHER_PROVIDER: "fixed" });
    expect(createWeather(config, new ManualClock()).now("北京", noSignal)).toMatchObject({ provider: "fixed" });
  });

  test.each(["open-meteo", "qweather"] as const)("%s asks where the settings say, and is cached", async (provider) => {
    await using stub = WeatherStub.start();
    const weather = createWeather(loadConfig(stub.environment(provider)), new ManualClock());
    expect(await weather.now("北京", noSignal)).toMatchObject({ city: "北京", provider });
    expect(weather.now("北京", noSignal)).toMatchObject({ city: "北京", provider });
    expect(stub.requests).toHaveLength(2);
  });

  test("qweather needs its settings, also where nobody loaded them", () => {
    expect(problem(() => createWeather({ weatherProvider: "qweather" }, new ManualClock()))).toStartWith(
      "LTY_QWEATHER_HOST: ",
    );
  });
});

describe("the settings of QWeather", () => {
  test("a bare host is read as https", () => {
    expect(loadConfig(QWEATHER)).toMatchObject({ qweatherHost: "https://abc.qweatherapi.com", qweatherKey: "k3y" });
  });

  test.each(["LTY_QWEATHER_HOST", "LTY_QWEATHER_KEY"] as const)(
    "without %s the start stops on a line that names it",
    (name) => {
      const { [name]: _, ...rest } = QWEATHER;
      expect(problem(() => loadConfig(rest))).toBe(`${name}: needed with LTY_WEATHER_PROVIDER=qweather`);
    },
  );

  test("other providers need none of them", () => {
    expect(loadConfig({ LTY_WEATHER_PROVIDER: "fixed" }).qweatherKey).toBeUndefined();
  });

  test("http:// is for loopback only", () => {
    expect(problem(() => loadConfig({ ...QWEATHER, LTY_QWEATHER_HOST: "http://abc.qweatherapi.com" }))).toStartWith(
      "LTY_QWEATHER_HOST: ",
    );
    expect(loadConfig({ ...QWEATHER, LTY_QWEATHER_HOST: "http://127.0.0.1:9" }).qweatherHost).toBe(
      "http://127.0.0.1:9",
    );
  });

  test.each(["ключ", `${STUB_KEY}\nX-Injected: 1`, "two words"])(
    "a key that no header can hold (%j) is refused unseen",
    (key) => {
      const line = problem(() => loadConfig({ ...QWEATHER, LTY_QWEATHER_KEY: key }));
      expect(line).toBe("LTY_QWEATHER_KEY: expected printable ASCII without spaces");
    },
  );
});
