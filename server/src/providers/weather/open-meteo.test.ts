import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { WeatherStub } from "../../../../testkit/src/weather-stub.ts";
import { openMeteo } from "./open-meteo.ts";
import { noSignal, weatherContract } from "./weather.contract.ts";

weatherContract({
  name: "open-meteo",
  make: (stub, clock) => openMeteo(clock, stub.url),
  lookup: { path: "/v1/search", city: "name" },
  steps: ["forecast"],
});

/** Answers one lookup, then `forecast`. */
function answering(forecast: { offset?: number; temperature?: number; code?: number; day?: number }) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) =>
      request.url.includes("/v1/search")
        ? Response.json({ results: [{ name: "Somewhere", latitude: 1, longitude: 2 }] })
        : Response.json({
            utc_offset_seconds: forecast.offset ?? 0,
            current: {
              time: "2026-11-23T15:30",
              temperature_2m: forecast.temperature ?? 0,
              weather_code: forecast.code ?? 0,
              is_day: forecast.day ?? 1,
            },
          }),
  });
}

async function weatherFrom(forecast: Parameters<typeof answering>[0]) {
  await using server = answering(forecast);
  return await openMeteo(new ManualClock(), server.url.origin).now("Somewhere", noSignal);
}

describe("openMeteo", () => {
  test("asks for the place, then for its weather", async () => {
    await using stub = WeatherStub.start();
    expect(await openMeteo(new ManualClock(), `${stub.url}/`).now("北京", noSignal)).toEqual({
      city: "北京",
      temp: "7",
      text: "阴",
      icon: "104",
      updateTime: "2026-11-23T15:30:00+08:00",
      provider: "open-meteo",
    });
    expect(stub.requests.map(({ path, query }) => ({ path, query }))).toEqual([
      { path: "/v1/search", query: { name: "北京", count: "1", language: "zh", format: "json" } },
      {
        path: "/v1/forecast",
        query: {
          latitude: "39.9",
          longitude: "116.39723",
          current: "temperature_2m,weather_code,is_day",
          timezone: "auto",
        },
      },
    ]);
  });

  test.each([
    [0, "+00:00"],
    [28_800, "+08:00"],
    [20_700, "+05:45"],
    [-12_600, "-03:30"],
    [-39_600, "-11:00"],
  ])("%d s east of Greenwich is %s", async (offset, zone) => {
    expect((await weatherFrom({ offset })).updateTime).toBe(`2026-11-23T15:30:00${zone}`);
  });

  test.each([
    [24.5, "25"],
    [24.49, "24"],
    [-0.4, "0"],
    [-0.5, "0"],
    [-12.6, "-13"],
  ])("%d °C is %s", async (temperature, temp) => {
    expect((await weatherFrom({ temperature })).temp).toBe(temp);
  });

  test("a clear night has its own icon", async () => {
    expect(await weatherFrom({ code: 0, day: 0 })).toMatchObject({ text: "晴", icon: "150" });
  });

  test.each([{ offset: 90_000 }, { temperature: 1e6 }, { code: 1.5 }, { day: 2 }])(
    "%j is no weather",
    async (forecast) => {
      await expect(weatherFrom(forecast)).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
    },
  );
});
