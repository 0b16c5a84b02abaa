import { describe, expect, test } from "bun:test";
import { endpoint } from "./endpoint.ts";

describe("endpoint", () => {
  test("keeps the path of the base, with or without a slash", () => {
    for (const base of [
      "https://h.example/weather",
      "https://h.example/weather/",
      "https://h.example/weather/?x=1#y",
    ]) {
      expect(endpoint(base, "/v1/search", { name: "a" }).href).toBe("https://h.example/weather/v1/search?name=a");
    }
  });

  test("writes spaces, commas, pluses and Chinese as QWeather reads them", () => {
    const { search } = endpoint("https://h.example", "/", { location: "北京 a,b+c" });
    expect(search).toBe("?location=%E5%8C%97%E4%BA%AC%20a%2Cb%2Bc");
  });
});
