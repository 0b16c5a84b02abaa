import type { Config } from "../../config/config.ts";
import { ConfigError } from "../../config/load.ts";
import type { Clock } from "../../platform/clock.ts";
import { cached } from "./cached.ts";
import { counted, WeatherCounts } from "./counted.ts";
import { fixed } from "./fixed.ts";
import { openMeteo } from "./open-meteo.ts";
import { qweather } from "./qweather.ts";
import type { WeatherProvider } from "./weather.ts";

/** The settings that choose and reach a weather service. */
export type WeatherConfig = Pick<Config, "weatherProvider"> &
  Partial<Pick<Config, "weatherBaseUrl" | "qweatherHost" | "qweatherKey">>;

/**
 * The provider that the settings name; those that ask a network come with their cache, and what they are asked is counted.
 * @throws ConfigError when QWeather is chosen without its host or key, by settings that did not pass `loadConfig`
 */
export function createWeather(config: WeatherConfig, clock: Clock, counts = new WeatherCounts()): WeatherProvider {
  switch (config.weatherProvider) {
    case "fixed":
      return fixed;
    case "open-meteo":
      return cached(counted(openMeteo(clock, config.weatherBaseUrl), counts), clock);
    case "qweather": {
      const origin = required(config.qweatherHost, "LTY_QWEATHER_HOST");
      const key = required(config.qweatherKey, "LTY_QWEATHER_KEY");
      return cached(counted(qweather(clock, { origin, key }), counts), clock);
    }
  }
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new ConfigError(`${name}: needed with LTY_WEATHER_PROVIDER=qweather`);
  return value;
}
