import { z } from "zod";
import type { CurrentWeather } from "../providers/weather/weather.ts";
import { defineSkill } from "./skill.ts";

const city = z.string().trim().min(1, "must not be empty").max(100, "must be at most 100 characters");

export const weather = defineSkill({
  type: "weather",
  reply: "weather_response",
  summary: "Ask for the current weather of a city.",
  needs: ["weather", "defaultCity"],
  failure: "Weather query failed",
  request: z
    .union([city, z.object({ city: city.nullish() })], "expected a city of 1 to 100 characters, or an object with one")
    .optional()
    .describe("The city: a text, an object with one, or nothing for the default city."),
  response: z.object({
    data: z.object({
      city: z.object({ name: z.string() }),
      weather: z.object({
        now: z.object({
          temp: z.string().describe("Degrees Celsius, a whole number."),
          text: z.string().describe("A few words."),
          icon: z.string().describe("QWeather icon code."),
        }),
        updateTime: z.string().describe("When it was observed, ISO 8601."),
      }),
      provider: z.string().describe("Who says so."),
    }),
  }),
  examples: [
    {
      name: "a city",
      request: { city: "上海" },
      response: {
        data: {
          city: { name: "上海" },
          weather: { now: { temp: "25", text: "晴", icon: "100" }, updateTime: "2023-01-01T12:00:00Z" },
          provider: "fixed",
        },
      },
    },
    {
      name: "the default city",
      request: undefined,
      response: {
        data: {
          city: { name: "北京" },
          weather: { now: { temp: "25", text: "晴", icon: "100" }, updateTime: "2023-01-01T12:00:00Z" },
          provider: "fixed",
        },
      },
    },
  ],
}).handle((request, { weather, defaultCity, signal }) => {
  const wanted = typeof request === "string" ? request : request?.city;
  const found = weather.now(wanted ?? defaultCity, signal);
  return found instanceof Promise ? found.then(answer) : answer(found);
});

function answer({ city, temp, text, icon, updateTime, provider }: CurrentWeather) {
  return { data: { city: { name: city }, weather: { now: { temp, text, icon }, updateTime }, provider } };
}
