import { z } from "zod";
import { qweatherOrigin } from "../providers/weather/qweather-origin.ts";
import { flag, integer, list, oneOf, secret, text } from "./types.ts";

/**
 * Every setting, once: type, bounds, default and documentation. The environment name is derived (`rateLimitWindowS` is
 * `LTY_RATE_LIMIT_WINDOW_S`), and so are `lty check-config`, `lty config-doc` and the reference page.
 * Values arrive as text; a default is written as one would type it.
 */
const Settings = z.strictObject({
  host: text().prefault("127.0.0.1").describe("Address to listen on; `0.0.0.0` or `::` for every interface."),
  port: integer(0, 65_535).prefault("8000").describe("Port to listen on; 0 picks a free one and prints it."),
  databaseUrl: text()
    .refine(isDatabaseUrl, "expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
    .prefault("sqlite:data/lty.db")
    .describe(
      "`sqlite:PATH`, relative to the current directory or absolute, created if it is not there; or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, a PostgreSQL database (14 or later) that is there.",
    ),
  redisUrl: text()
    .refine((url) => /^rediss?:\/\/[^/]+/.test(url) && URL.canParse(url), "expected redis://HOST:PORT")
    .optional()
    .describe(
      "`redis://HOST:PORT`, Redis (6.2 or later) or Valkey: nodes of one PostgreSQL database tell one another through it. Without it, or while it is away, they find out within seconds. What other programs push to its list `device_messages` is queued, as in the original system.",
    ),
  weatherProvider: oneOf("open-meteo", "qweather", "fixed")
    .prefault("open-meteo")
    .describe("Who knows the weather: Open-Meteo, QWeather (和风天气), or `fixed`, which always answers 25 °C and 晴."),
  weatherBaseUrl: z
    .url({ protocol: /^https?$/, error: "expected an http:// or https:// URL" })
    .optional()
    .describe("One base URL in place of both Open-Meteo hosts, for self-hosting and tests."),
  qweatherHost: text()
    .transform((host, context) => {
      const origin = qweatherOrigin(host);
      if (origin !== undefined) return origin;
      context.addIssue("expected a host such as abc.def.qweatherapi.com (http:// for loopback only)");
      return z.NEVER;
    })
    .optional()
    .describe("The account's own API host; needed with `LTY_WEATHER_PROVIDER=qweather`. `http://` for loopback only."),
  qweatherKey: secret()
    .regex(/^[\x21-\x7e]+$/, "expected printable ASCII without spaces")
    .optional()
    .describe("API key that belongs to `LTY_QWEATHER_HOST`; needed with `LTY_WEATHER_PROVIDER=qweather`."),
  defaultCity: text().prefault("北京").describe("City of a weather request that names none."),
  rateLimitMessages: integer(0, 1_000_000)
    .prefault("100")
    .describe(
      "Frames one connection may send per window, all at once if it likes; a principal may send 4 times as many over all its sockets and HTTP requests. 0 switches both limits off.",
    ),
  rateLimitWindowS: integer(1, 86_400).prefault("60").describe("Length of the rate-limit window, seconds."),
  maxMessageChars: integer(1, 65_536).prefault("10240").describe("Longest accepted frame, Unicode code points."),
  requireDevice: flag()
    .prefault("false")
    .describe("Refuse role-less user connections (close 4002) while the user has no primary device."),
  allowedOrigins: list()
    .prefault("")
    .describe(
      "Browser origins, such as `https://app.example.com`, that may open sockets beside the server's own; comma-separated.",
    ),
  trustedProxies: list()
    .prefault("")
    .describe("Addresses or CIDR ranges of reverse proxies whose `X-Forwarded-For` is believed; comma-separated."),
  messageTtlS: integer(1, 31_536_000)
    .prefault("604800")
    .describe("How long a message is kept for consumers that are not there, seconds, where its `ttl` does not say."),
  heartbeatS: integer(1, 3_600)
    .prefault("30")
    .describe(
      "Seconds after which a silent peer is pinged, at the latest; one that stays silent for 2.5 times as long is disconnected.",
    ),
  logLevel: oneOf("trace", "debug", "info", "warn", "error", "fatal", "silent")
    .prefault("info")
    .describe("Least severe level that is logged."),
  allowAnyUserPush: flag().prefault("false").describe("The original system's rule: any user may push to any user."),
});

function isDatabaseUrl(url: string): boolean {
  if (url.startsWith("sqlite:")) return url.length > "sqlite:".length;
  return /^postgres(ql)?:\/\/[^/]+\/[^/?]+/.test(url) && URL.canParse(url);
}

/** The settings, and what one of them asks of another. */
export const Config = Settings.superRefine((settings, context) => {
  if (settings.weatherProvider !== "qweather") return;
  for (const key of ["qweatherHost", "qweatherKey"] as const) {
    if (settings[key] !== undefined) continue;
    context.addIssue({ code: "custom", path: [key], message: "needed with LTY_WEATHER_PROVIDER=qweather" });
  }
});
export type Config = z.output<typeof Config>;

/** Settings of the commands that speak to a running server; the server itself does not read them. */
export const ClientConfig = z.strictObject({
  url: z
    .url({ protocol: /^https?$/, error: "expected an http:// or https:// URL" })
    .prefault("http://127.0.0.1:8000")
    .describe("Base URL of the server that commands speak to."),
  token: secret().optional().describe("Token that commands present."),
});
export type ClientConfig = z.output<typeof ClientConfig>;
