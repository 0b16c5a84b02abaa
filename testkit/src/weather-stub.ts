import {
  answerOf,
  STUB_KEY,
  WEATHER_MODES,
  WEATHER_STEPS,
  type WeatherMode,
  type WeatherStep,
} from "./weather-answers.ts";

export {
  STUB_KEY,
  UPSTREAM_WORDS,
  WEATHER_MODES,
  WEATHER_STEPS,
  type WeatherMode,
  type WeatherStep,
} from "./weather-answers.ts";

/** One request as it arrived. */
export interface StubRequest {
  readonly method: string;
  readonly path: string;
  /** Decoded; a name that came twice is there once, as `repeated` tells. */
  readonly query: Readonly<Record<string, string>>;
  readonly repeated: boolean;
  readonly headers: Headers;
}

interface Plan {
  readonly mode: WeatherMode;
  /** None: every step. */
  readonly steps: readonly WeatherStep[];
}

const STEPS: readonly [prefix: string, step: WeatherStep][] = [
  ["/v1/search", "place"],
  ["/geo/v2/city/lookup", "place"],
  ["/v1/forecast", "forecast"],
  ["/weather/v1/current/", "v1"],
  ["/v7/weather/now", "v7"],
];

/**
 * Open-Meteo and QWeather in one real server on the loopback interface, going well or wrong as a test wants.
 *
 * What goes wrong is chosen by `fail`, or by the name of the city that is asked for: `rate-limited` fails where it can first,
 * `forecast:rate-limited` at that step alone. Any other city has good weather.
 *
 * @example
 * await using stub = WeatherStub.start();
 * await using gateway = await startTestGateway({ environment: stub.environment("qweather") });
 * // {"type":"weather","message":"v1:forbidden"} is answered by v7
 */
export class WeatherStub implements AsyncDisposable {
  /** Everything that was asked, in order. */
  readonly requests: StubRequest[] = [];
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    development: false,
    fetch: (request) => this.#answer(request),
  });
  /** Cities with a plan, by the latitude that the stub places them at: it is all that later requests know of them. */
  readonly #plans = new Map<string, Plan>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #held: (() => void)[] = [];
  #plan: Plan = { mode: "ok", steps: [] };

  static start(): WeatherStub {
    return new WeatherStub();
  }

  /** Base URL of both services: `LTY_WEATHER_BASE_URL`, `LTY_QWEATHER_HOST`. */
  get url(): string {
    return this.#server.url.origin;
  }

  /** Settings that make a server ask the stub. */
  environment(provider: "open-meteo" | "qweather"): Record<string, string> {
    return provider === "open-meteo"
      ? { LTY_WEATHER_PROVIDER: provider, LTY_WEATHER_BASE_URL: this.url }
      : { LTY_WEATHER_PROVIDER: provider, LTY_QWEATHER_HOST: this.url, LTY_QWEATHER_KEY: STUB_KEY };
  }

  /** How cities without a plan in their name fare from now on: at these steps, or at each. */
  fail(mode: WeatherMode, ...steps: WeatherStep[]): void {
    this.#plan = { mode, steps };
  }

  /** How often a step was asked for. */
  count(step: WeatherStep): number {
    return this.requests.filter(({ path }) => stepOf(path) === step).length;
  }

  /** Resolves once `count` requests have arrived in all. */
  received(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    this.#wake();
    return promise;
  }

  /** Answers, well, the requests that `slow` holds. */
  release(): void {
    for (const go of this.#held.splice(0)) go();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const query = Object.fromEntries(url.searchParams);
    const repeated = Object.keys(query).length !== url.searchParams.size;
    this.requests.push({ method: request.method, path: url.pathname, query, repeated, headers: request.headers });
    this.#wake();

    const step = stepOf(url.pathname);
    if (!step) return new Response("no such path", { status: 404 });
    const { plan, latitude } = this.#planFor(step, url);
    const mode = plan.steps.length === 0 || plan.steps.includes(step) ? plan.mode : "ok";
    if (mode === "slow") await new Promise<void>((resolve) => this.#held.push(resolve));
    return answerOf(mode, { path: url.pathname, step, latitude, key: request.headers.get("x-qw-api-key") });
  }

  #planFor(step: WeatherStep, url: URL): { plan: Plan; latitude: string } {
    if (step !== "place") {
      const { searchParams, pathname } = url;
      // The id that v7 is asked by is made of the latitude: see the lookup's answer.
      const id = searchParams.get("location")?.replace(/^1010(\d\d)(\d\d)\d*$/, "$1.$2");
      const latitude = Number(searchParams.get("latitude") ?? id ?? pathname.split("/")[4]).toFixed(2);
      return { plan: this.#plans.get(latitude) ?? this.#plan, latitude };
    }
    const plan = planIn(url.searchParams.get("name") ?? url.searchParams.get("location") ?? "");
    if (!plan) return { plan: this.#plan, latitude: "39.90" };
    const latitude = (40 + (this.#plans.size + 1) / 100).toFixed(2);
    this.#plans.set(latitude, plan);
    return { plan, latitude };
  }

  #wake(): void {
    for (const { count, resolve } of this.#waiting) if (this.requests.length >= count) resolve();
  }
}

function stepOf(path: string): WeatherStep | undefined {
  return STEPS.find(([prefix]) => path.startsWith(prefix))?.[1];
}

/** `rate-limited` and `v1:rate-limited` are plans; Beijing is none. */
function planIn(city: string): Plan | undefined {
  const [modeName, stepName] = city.split(":").reverse();
  const mode = WEATHER_MODES.find((name) => name === modeName);
  const step = WEATHER_STEPS.find((name) => name === stepName);
  if (!mode || (stepName !== undefined && !step)) return undefined;
  return { mode, steps: step ? [step] : [] };
}
