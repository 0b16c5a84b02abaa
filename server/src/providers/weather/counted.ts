import { GatewayError } from "@qy-lty/protocol";
import type { WeatherProvider } from "./weather.ts";

/** How questions to a weather service ended. */
export class WeatherCounts {
  answered = 0;
  /** The service knows no such city. */
  unknown = 0;
  failed = 0;
}

/** Counts what a provider is asked; stands between it and its cache. */
export function counted(provider: WeatherProvider, counts: WeatherCounts): WeatherProvider {
  return {
    now: async (city, signal) => {
      try {
        const weather = await provider.now(city, signal);
        counts.answered += 1;
        return weather;
      } catch (error) {
        if (error instanceof GatewayError && error.code === "CITY_NOT_FOUND") counts.unknown += 1;
        else counts.failed += 1;
        throw error;
      }
    },
  };
}
