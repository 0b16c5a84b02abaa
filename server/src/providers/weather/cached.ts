import { GatewayError } from "@qy-lty/protocol";
import type { Clock } from "../../platform/clock.ts";
import { Lru } from "./lru.ts";
import { UpstreamError } from "./upstream-error.ts";
import type { CurrentWeather, WeatherProvider } from "./weather.ts";

/** Both services allow current weather to be kept for 10 to 30 minutes. */
const FRESH_MS = 10 * 60_000;
/** How old an answer may be to be better than none. */
const STALE_MS = 60 * 60_000;
/** After a failed refresh the old answer counts as fresh for so long, so that an outage does not cost every caller its timeout. */
const REFRESH_RETRY_MS = 30_000;
const UNKNOWN_CITY_MS = 60_000;
const BACK_OFF_MS = 60_000;
const MAX_CITIES = 1_000;
const MAX_FLIGHTS = 32;

/** All times are monotonic milliseconds. */
interface Entry {
  readonly weather: CurrentWeather;
  freshUntil: number;
  readonly usableUntil: number;
}

/**
 * Stands before a provider that asks a network, and spares it:
 *
 * - An answer is good for 10 minutes, given without a promise. If it cannot be renewed it serves for up to an hour.
 * - Requests for one city that come while it is asked for share the one question; nobody who leaves takes it from the others.
 * - An unknown city is remembered for a minute, apart from the answers, so that nonsense cannot push those out.
 * - At most 32 questions are open, and none is asked for a minute after the service said 429: an old answer serves then too.
 *
 * It holds 1,000 cities of each kind; names that differ in case, Unicode form or outer spaces are one.
 */
export function cached(provider: WeatherProvider, clock: Clock): WeatherProvider {
  return new CachedWeather(provider, clock);
}

class CachedWeather implements WeatherProvider {
  readonly #provider: WeatherProvider;
  readonly #clock: Clock;
  readonly #answers = new Lru<Entry>(MAX_CITIES);
  /** City → until when it is known to be unknown. */
  readonly #unknown = new Lru<number>(MAX_CITIES);
  readonly #flights = new Map<string, Promise<CurrentWeather>>();
  #backOffUntil = Number.NEGATIVE_INFINITY;

  constructor(provider: WeatherProvider, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
  }

  now(city: string, signal: () => AbortSignal): CurrentWeather | Promise<CurrentWeather> {
    const name = city.trim().normalize("NFC");
    const key = name.toLowerCase();
    const time = this.#clock.monotonic();

    const entry = this.#answers.get(key);
    if (entry && time < entry.freshUntil) return entry.weather;
    if (time < (this.#unknown.get(key) ?? Number.NEGATIVE_INFINITY)) throw new GatewayError("CITY_NOT_FOUND");

    let flight = this.#flights.get(key);
    if (!flight) {
      if (this.#flights.size >= MAX_FLIGHTS || time < this.#backOffUntil) {
        if (entry && time < entry.usableUntil) return entry.weather;
        throw new UpstreamError("the weather service is busy");
      }
      flight = this.#ask(key, name).finally(() => this.#flights.delete(key));
      this.#flights.set(key, flight);
    }
    return unlessAborted(flight, signal());
  }

  /** Belongs to no caller: its answer is of use even when all of them have left, and the provider bounds its time. */
  async #ask(key: string, name: string): Promise<CurrentWeather> {
    try {
      const weather = await this.#provider.now(name, () => new AbortController().signal);
      const time = this.#clock.monotonic();
      this.#answers.set(key, { weather, freshUntil: time + FRESH_MS, usableUntil: time + STALE_MS });
      return weather;
    } catch (error) {
      return this.#inPlaceOf(error, key);
    }
  }

  /** The old answer, where there is one that the failure does not contradict. */
  #inPlaceOf(error: unknown, key: string): CurrentWeather {
    const time = this.#clock.monotonic();
    if (error instanceof GatewayError && error.code === "CITY_NOT_FOUND") {
      this.#answers.delete(key);
      this.#unknown.set(key, time + UNKNOWN_CITY_MS);
      throw error;
    }
    if (error instanceof UpstreamError && error.status === 429) this.#backOffUntil = time + BACK_OFF_MS;

    const entry = this.#answers.get(key);
    if (!entry || time >= entry.usableUntil) throw error;
    entry.freshUntil = Math.min(time + REFRESH_RETRY_MS, entry.usableUntil);
    return entry.weather;
  }
}

/** Settles with `flight`, or rejects as soon as `signal` aborts, leaving the flight to the others. */
function unlessAborted(flight: Promise<CurrentWeather>, signal: AbortSignal): Promise<CurrentWeather> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new UpstreamError("the request was abandoned"));
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    flight.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
