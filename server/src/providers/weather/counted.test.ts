import { expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { counted, WeatherCounts } from "./counted.ts";
import { fixed } from "./fixed.ts";
import { UpstreamError } from "./upstream-error.ts";

const noSignal = () => new AbortController().signal;

test("counts how questions end, and changes nothing about that", async () => {
  const counts = new WeatherCounts();
  const failing = async (error: Error) => counted({ now: () => Promise.reject(error) }, counts).now("x", noSignal);
  expect(await counted(fixed, counts).now("北京", noSignal)).toEqual(await fixed.now("北京", noSignal));
  const unknown = new GatewayError("CITY_NOT_FOUND");
  expect(await failing(unknown).catch((error: unknown) => error)).toBe(unknown);
  await failing(new UpstreamError("down")).catch(() => {});
  await failing(new Error("a bug")).catch(() => {});
  expect({ ...counts }).toEqual({ answered: 1, unknown: 1, failed: 2 });
});
