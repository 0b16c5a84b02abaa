import { GatewayError } from "@qy-lty/protocol";
import type { Config } from "@qy-lty/server/config/config.ts";
import { SystemClock } from "@qy-lty/server/platform/clock.ts";
import { createWeather } from "@qy-lty/server/providers/weather/create.ts";
import { type Finding, findings } from "./finding.ts";

const TIMEOUT_MS = 5_000;
const { ok, warn } = findings("weather");

/** Whether the weather provider answers. Nothing but `weather` frames depends on it, so that it is a warning at most. */
export async function examineWeather(config: Config): Promise<Finding> {
  const { weatherProvider: provider, defaultCity } = config;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  });
  try {
    const { city, temp } = await Promise.race([
      createWeather(config, new SystemClock()).now(defaultCity, () => signal),
      late,
    ]);
    return ok(`${provider} answers: ${temp} °C in ${city}`);
  } catch (error) {
    if (error instanceof GatewayError && error.code === "CITY_NOT_FOUND") {
      return warn(`${provider} does not know ${defaultCity}`, "choose a city that it knows with LTY_DEFAULT_CITY");
    }
    const why = error instanceof Error ? error.message : String(error);
    const advice =
      provider === "qweather"
        ? "check LTY_QWEATHER_HOST, LTY_QWEATHER_KEY and the network; until then weather frames are answered with an error"
        : "check the network; without one, LTY_WEATHER_PROVIDER=fixed";
    return warn(`${provider}: ${why}`, advice);
  }
}
