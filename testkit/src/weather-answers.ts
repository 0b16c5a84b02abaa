import { gzipSync } from "node:zlib";

/** What a stubbed weather service does when asked. */
export const WEATHER_MODES = [
  "ok",
  "gzip",
  /** Open-Meteo without `results`, QWeather with code 404. */
  "no-match",
  /** Open-Meteo with empty `results`, QWeather with a problem. */
  "no-match-problem",
  "bad-request",
  "unauthorized",
  "forbidden",
  "not-found",
  "rate-limited",
  "server-error",
  /** HTTP 200 with code 402: QWeather alone has that. */
  "body-code",
  /** Held until `release()`. */
  "slow",
  /** Half an answer, and silence. */
  "stalled",
  "malformed",
  "missing-fields",
  "unknown-icon",
  "redirect",
  /** Without end. */
  "oversized",
  /** Small on the line, 8 MiB unpacked. */
  "gzip-bomb",
] as const;
export type WeatherMode = (typeof WEATHER_MODES)[number];

/** What can be asked for: the place (both services), the forecast (Open-Meteo), the weather by v1 or v7 (QWeather). */
export const WEATHER_STEPS = ["place", "forecast", "v1", "v7"] as const;
export type WeatherStep = (typeof WEATHER_STEPS)[number];

/** The API key that the stubbed QWeather wants. */
export const STUB_KEY = "stub-key-5f0c1d";
/** Stands in every failure's body, which also repeats the key: neither may ever get out. */
export const UPSTREAM_WORDS = "words of the upstream";

/** What an answer depends on beside its mode. */
export interface Asked {
  readonly path: string;
  readonly step: WeatherStep;
  /** Where the stub places the city, two decimals. */
  readonly latitude: string;
  readonly key: string | null;
}

/** HTTP status and the end of QWeather's problem type. */
const REFUSALS: Partial<Record<WeatherMode, readonly [status: number, problem: string]>> = {
  "bad-request": [400, "invalid-parameter"],
  unauthorized: [401, "unauthorized"],
  forbidden: [403, "forbidden"],
  "not-found": [404, "not-found"],
  "rate-limited": [429, "too-many-requests"],
  "server-error": [500, "unknown-error"],
};

/** The answer in the manner of the service that the path belongs to. */
export function answerOf(mode: WeatherMode, asked: Asked): Response {
  const openMeteo = isOpenMeteo(asked.path);
  if (!openMeteo && asked.key !== STUB_KEY) return refusal(asked, 401, "unauthorized");
  const refused = REFUSALS[mode];
  if (refused) return refusal(asked, ...refused);

  const good = JSON.stringify(goodAnswer(asked, mode === "unknown-icon"));
  switch (mode) {
    case "gzip":
      return packed(good);
    case "no-match":
      return openMeteo ? Response.json({ generationtime_ms: 0.2 }) : Response.json({ code: "404" });
    case "no-match-problem":
      return openMeteo ? Response.json({ results: [] }) : refusal(asked, 400, "no-such-location");
    case "body-code":
      return openMeteo ? json(good) : Response.json({ ...goodAnswer(asked, false), code: "402" });
    case "stalled":
      return new Response(new ReadableStream({ start: (stream) => stream.enqueue(bytes(good.slice(0, 10))) }));
    case "malformed":
      return json(`${UPSTREAM_WORDS} ${asked.key}`);
    case "missing-fields":
      return json(good.replace(/"(latitude|lat|time|temperature|now)":/, '"$1_":'));
    case "redirect":
      return new Response(null, { status: 302, headers: { location: `/redirected${asked.path}` } });
    case "oversized":
      return new Response(new ReadableStream({ pull: (stream) => stream.enqueue(bytes(" ".repeat(4096))) }));
    case "gzip-bomb":
      return packed(good + " ".repeat(8 * 1024 * 1024));
    default:
      return json(good);
  }
}

function isOpenMeteo(path: string): boolean {
  return path === "/v1/search" || path === "/v1/forecast";
}

function refusal(asked: Asked, status: number, problem: string): Response {
  const words = `${UPSTREAM_WORDS}: ${asked.key}`;
  if (isOpenMeteo(asked.path)) return Response.json({ error: true, reason: words }, { status });
  const type = `https://dev.qweather.com/docs/resource/error-code/#${problem}`;
  const error = { status, type, title: problem.replaceAll("-", " ").toUpperCase(), detail: words };
  return Response.json({ error }, { status, headers: { "content-type": "application/problem+json" } });
}

const bytes = (text: string) => new TextEncoder().encode(text);

function json(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}

function packed(text: string): Response {
  return new Response(gzipSync(text), { headers: { "content-type": "application/json", "content-encoding": "gzip" } });
}

/** Beijing's weather: 7.1 °C and overcast by Open-Meteo, 31.71 °C and 少云 by v1, 24 °C and 多云 by v7. */
function goodAnswer({ path, step, latitude }: Asked, unknownIcon: boolean): object {
  if (path === "/v1/search") {
    const place = { id: 1816670, name: "北京", latitude: Number(latitude), longitude: 116.39723, country_code: "CN" };
    return { results: [place], generationtime_ms: 0.5 };
  }
  if (step === "place") {
    const id = `1010${latitude.replace(".", "")}0`;
    return { code: "200", location: [{ name: "北京", id, lat: `${latitude}2`, lon: "116.40529", adm1: "北京市" }] };
  }
  if (step === "forecast") {
    const current = { time: "2026-11-23T15:30", interval: 900, temperature_2m: 7.1, weather_code: 3, is_day: 1 };
    return { utc_offset_seconds: 28_800, current: { ...current, ...(unknownIcon && { weather_code: 42 }) } };
  }
  if (step === "v1") {
    const condition = unknownIcon ? { text: "奇观", code: "?" } : { text: "少云", code: "102" };
    return { metadata: { tag: "0" }, condition, temperature: { value: 31.71, unit: "°C" }, humidity: 0.69 };
  }
  const now = { obsTime: "2020-06-30T21:40+08:00", temp: "24", icon: unknownIcon ? "?" : "101", text: "多云" };
  return { code: "200", updateTime: "2020-06-30T22:00+08:00", now };
}
