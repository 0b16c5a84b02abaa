import type { WeatherProvider } from "./weather.ts";

/** The same weather everywhere, at once and without a network: the answer of the original system, for demos and tests. */
export const fixed: WeatherProvider = {
  now: (city) => ({ city, temp: "25", text: "晴", icon: "100", updateTime: "2023-01-01T12:00:00Z", provider: "fixed" }),
};
