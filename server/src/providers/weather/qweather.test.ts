import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { STUB_KEY, WeatherStub } from "../../../../testkit/src/weather-stub.ts";
import { qweather } from "./qweather.ts";
import { failureOf, noSignal, weatherContract } from "./weather.contract.ts";
import type { WeatherProvider } from "./weather.ts";

weatherContract({
  name: "qweather",
  make: (stub, clock) => qweather(clock, { origin: stub.url, key: STUB_KEY }),
  lookup: { path: "/geo/v2/city/lookup", city: "location" },
  steps: ["v1", "v7"],
});

describe("qweather", () => {
  let stub: WeatherStub;
  let clock: ManualClock;
  let provider: WeatherProvider;

  beforeEach(() => {
    stub = WeatherStub.start();
    clock = new ManualClock();
    provider = qweather(clock, { origin: stub.url, key: STUB_KEY });
  });
  afterEach(() => stub[Symbol.asyncDispose]());

  test("asks for the place, then for its weather by v1, latitude first and with two decimals", async () => {
    expect(await provider.now("北京", noSignal)).toEqual({
      city: "北京",
      temp: "32",
      text: "少云",
      icon: "102",
      updateTime: "2026-01-01T00:00:00.000Z",
      provider: "qweather",
    });
    expect(stub.requests.map(({ path, query }) => ({ path, query }))).toEqual([
      { path: "/geo/v2/city/lookup", query: { location: "北京", lang: "zh", number: "1" } },
      { path: "/weather/v1/current/39.9/116.41", query: { lang: "zh" } },
    ]);
  });

  test("presents the key in its header and nowhere else", async () => {
    await provider.now("北京", noSignal);
    for (const { path, query, headers } of stub.requests) {
      expect(headers.get("x-qw-api-key")).toBe(STUB_KEY);
      headers.delete("x-qw-api-key");
      expect(JSON.stringify([path, query, headers.toJSON()])).not.toContain(STUB_KEY);
    }
  });

  test("a wrong key is refused without a word of it", async () => {
    const key = "wrong-key-91b2";
    const error = await failureOf(qweather(clock, { origin: stub.url, key }).now("北京", noSignal));
    expect(error.status).toBe(401);
    expect(Bun.inspect(error)).not.toContain(key);
  });

  test.each(["forbidden", "not-found"] as const)("v7 answers where v1 is %s", async (mode) => {
    stub.fail(mode, "v1");
    expect(await provider.now("北京", noSignal)).toEqual({
      city: "北京",
      temp: "24",
      text: "多云",
      icon: "101",
      updateTime: "2020-06-30T22:00:00+08:00",
      provider: "qweather",
    });
    expect(stub.requests.at(-1)?.query).toEqual({ location: "101039900", lang: "zh" });
  });

  test("a refused v1 is left alone for an hour", async () => {
    stub.fail("forbidden", "v1");
    await provider.now("北京", noSignal);
    clock.advance(3_599_999);
    await provider.now("北京", noSignal);
    expect([stub.count("v1"), stub.count("v7")]).toEqual([1, 2]);
    clock.advance(1);
    stub.fail("ok");
    expect(await provider.now("北京", noSignal)).toMatchObject({ temp: "32" });
    expect([stub.count("v1"), stub.count("v7")]).toEqual([2, 2]);
  });

  test("v1 is asked again at once when v7 was refused too", async () => {
    stub.fail("forbidden", "v1", "v7");
    await failureOf(provider.now("北京", noSignal));
    stub.fail("ok");
    expect(await provider.now("北京", noSignal)).toMatchObject({ temp: "32" });
  });

  test.each(["unauthorized", "rate-limited", "server-error", "malformed"] as const)(
    "v7 is not troubled where v1 is %s",
    async (mode) => {
      stub.fail(mode, "v1");
      await failureOf(provider.now("北京", noSignal));
      expect(stub.count("v7")).toBe(0);
    },
  );

  test.each(["place", "v1"] as const)("HTTP 200 with another code at %s is a failure of that status", async (step) => {
    stub.fail("body-code", step);
    expect((await failureOf(provider.now("北京", noSignal))).status).toBe(402);
  });

  test("HTTP 200 with another code at v7 is one too", async () => {
    stub.fail("forbidden", "v1");
    await provider.now("北京", noSignal);
    stub.fail("body-code", "v7");
    expect((await failureOf(provider.now("北京", noSignal))).status).toBe(402);
  });

  test("places are looked up anew each time", async () => {
    await provider.now("北京", noSignal);
    await provider.now("北京", noSignal);
    expect(stub.count("place")).toBe(2);
  });
});
