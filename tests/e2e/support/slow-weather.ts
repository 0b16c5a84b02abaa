/** A weather service behind the gateway that answers a city's question only when it is told to. */
export class SlowWeather implements AsyncDisposable {
  readonly #held = new Map<string, PromiseWithResolvers<void>>();
  readonly #asked = new Map<string, PromiseWithResolvers<void>>();
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => this.#answer(new URL(request.url)),
  });

  /** For `LTY_WEATHER_BASE_URL`. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** Resolves when the gateway has asked for `city`. */
  asked(city: string): Promise<void> {
    return entry(this.#asked, city).promise;
  }

  /** Lets the answer for `city` go. */
  release(city: string): void {
    entry(this.#held, city).resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(url: URL): Promise<Response> {
    if (url.pathname !== "/v1/search") {
      const current = { time: "2026-01-01T12:00", temperature_2m: 21.4, weather_code: 0, is_day: 1 };
      return Response.json({ utc_offset_seconds: 28_800, current });
    }
    const city = url.searchParams.get("name") ?? "";
    entry(this.#asked, city).resolve();
    await entry(this.#held, city).promise;
    if (city.startsWith("nowhere")) return Response.json({});
    if (city.startsWith("broken")) return new Response("stack trace with a secret", { status: 500 });
    return Response.json({ results: [{ name: city, latitude: 39.9, longitude: 116.4 }] });
  }
}

function entry(map: Map<string, PromiseWithResolvers<void>>, key: string): PromiseWithResolvers<void> {
  const known = map.get(key) ?? Promise.withResolvers<void>();
  map.set(key, known);
  return known;
}
