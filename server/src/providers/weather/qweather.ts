import { GatewayError } from "@qy-lty/protocol";
import { z } from "zod";
import type { Clock } from "../../platform/clock.ts";
import { endpoint } from "./endpoint.ts";
import { CurrentV1, NowV7, type Place, Places, Refusal } from "./qweather-schemas.ts";
import { ask, type Get } from "./upstream.ts";
import { UpstreamError } from "./upstream-error.ts";
import type { CurrentWeather, WeatherProvider } from "./weather.ts";

/** How long v7 stands in for a v1 that was refused: repeated errors endanger the account, by QWeather's own rules. */
const V1_RETRY_MS = 3_600_000;

/** Where QWeather is and what opens it; both belong to one account. */
export interface QWeatherAccess {
  /** As `qweatherOrigin` returns it. */
  readonly origin: string;
  /** Printable ASCII; sent as `X-QW-Api-Key` and never put anywhere else. */
  readonly key: string;
}

/**
 * QWeather (和风天气): current weather by v1, or by v7, which ends on 2027-06-01, for accounts that v1 does not serve.
 * Places are looked up each time and dropped, since the terms forbid to store them. Attribution: "Weather service by QWeather".
 */
export function qweather(clock: Clock, access: QWeatherAccess): WeatherProvider {
  return new QWeather(clock, access);
}

type Conditions = Omit<CurrentWeather, "city" | "provider">;

class QWeather implements WeatherProvider {
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** Monotonic milliseconds. */
  #v7Until = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, { origin, key }: QWeatherAccess) {
    this.#clock = clock;
    this.#origin = origin;
    this.#headers = { "x-qw-api-key": key };
  }

  now(city: string, signal: () => AbortSignal): Promise<CurrentWeather> {
    return ask(this.#clock, signal(), async (get) => {
      const lookup = { location: city, lang: "zh", number: "1" };
      const [place] = await this.#get(get, "/geo/v2/city/lookup", lookup, Places, [400]);
      if (!place) throw new GatewayError("CITY_NOT_FOUND");
      return { city: place.name, ...(await this.#current(get, place)), provider: "qweather" };
    });
  }

  async #current(get: Get, place: Place): Promise<Conditions> {
    if (this.#clock.monotonic() < this.#v7Until) return this.#v7(get, place);
    try {
      return await this.#v1(get, place);
    } catch (error) {
      if (!isRefusalOfV1(error)) throw error;
    }
    const conditions = await this.#v7(get, place);
    this.#v7Until = this.#clock.monotonic() + V1_RETRY_MS;
    return conditions;
  }

  async #v1(get: Get, { lat, lon }: Place): Promise<Conditions> {
    const path = `/weather/v1/current/${hundredths(lat)}/${hundredths(lon)}`;
    return { ...(await this.#get(get, path, { lang: "zh" }, CurrentV1)), updateTime: this.#clock.iso() };
  }

  #v7(get: Get, { id }: Place): Promise<Conditions> {
    return this.#get(get, "/v7/weather/now", { location: id, lang: "zh" }, NowV7);
  }

  /** One request; a body that gives another `code` than 200 is the failure that HTTP would have been. */
  async #get<Answer>(
    get: Get,
    path: string,
    params: Readonly<Record<string, string>>,
    schema: z.ZodType<Answer>,
    statuses: readonly number[] = [],
  ): Promise<Answer> {
    const either = z.union([schema.transform((value) => ({ value })), Refusal]);
    const answer = await get(endpoint(this.#origin, path, params), either, { headers: this.#headers, statuses });
    if ("value" in answer) return answer.value;
    throw new UpstreamError("the weather service refused", { status: answer.refusedWith });
  }
}

/**
 * Whether v1 itself is not to be had, by this account or any longer: then v7 may be. A bad key (401), a full quota (429) and
 * an outage (5xx) are the same for both, so asking again would only add to them.
 */
function isRefusalOfV1(error: unknown): boolean {
  return error instanceof UpstreamError && [403, 404, 410].includes(error.status ?? 0);
}

/** v1 takes two decimals at most. */
function hundredths(degrees: number): string {
  return String(Math.round(degrees * 100) / 100);
}
