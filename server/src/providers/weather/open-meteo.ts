import { GatewayError } from "@qy-lty/protocol";
import { z } from "zod";
import type { Clock } from "../../platform/clock.ts";
import { endpoint } from "./endpoint.ts";
import { Celsius, Latitude, Longitude, MINUTE, Words } from "./fields.ts";
import { ask } from "./upstream.ts";
import type { WeatherProvider } from "./weather.ts";
import { conditionOf } from "./wmo.ts";

const GEOCODING_HOST = "https://geocoding-api.open-meteo.com";
const FORECAST_HOST = "https://api.open-meteo.com";

/** No match is an answer without `results`. */
const Places = z.object({
  results: z.array(z.object({ name: Words, latitude: Latitude, longitude: Longitude })).optional(),
});

const Forecast = z.object({
  utc_offset_seconds: z.int().min(-64_800).max(64_800),
  current: z.object({
    /** Local time without a zone. */
    time: z.string().regex(new RegExp(`^${MINUTE}$`)),
    temperature_2m: Celsius,
    weather_code: z.int(),
    is_day: z.literal([0, 1]),
  }),
});

/**
 * Open-Meteo: no key, for non-commercial use below 10,000 requests a day; one question is two of them.
 * `baseUrl` takes the place of both its hosts, whose paths do not overlap.
 */
export function openMeteo(clock: Clock, baseUrl?: string): WeatherProvider {
  const geocoding = baseUrl ?? GEOCODING_HOST;
  const forecast = baseUrl ?? FORECAST_HOST;

  return {
    now: (city, signal) =>
      ask(clock, signal(), async (get) => {
        const search = { name: city, count: "1", language: "zh", format: "json" };
        const { results } = await get(endpoint(geocoding, "/v1/search", search), Places);
        const place = results?.[0];
        if (!place) throw new GatewayError("CITY_NOT_FOUND");

        const where = {
          latitude: String(place.latitude),
          longitude: String(place.longitude),
          current: "temperature_2m,weather_code,is_day",
          timezone: "auto",
        };
        const { current, utc_offset_seconds } = await get(endpoint(forecast, "/v1/forecast", where), Forecast);
        return {
          city: place.name,
          temp: current.temperature_2m,
          ...conditionOf(current.weather_code, current.is_day === 0),
          updateTime: `${current.time}:00${zone(utc_offset_seconds)}`,
          provider: "open-meteo",
        };
      }),
  };
}

/** Seconds east of Greenwich as ISO 8601 writes them: 28800 is `+08:00`. */
function zone(offsetSeconds: number): string {
  const minutes = Math.trunc(Math.abs(offsetSeconds) / 60);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${offsetSeconds < 0 ? "-" : "+"}${pad(Math.trunc(minutes / 60))}:${pad(minutes % 60)}`;
}
