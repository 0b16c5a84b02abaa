import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { STUB_KEY, UPSTREAM_WORDS, type WeatherMode, WeatherStub } from "../../../../testkit/src/weather-stub.ts";
import type { Clock } from "../../platform/clock.ts";
import { UpstreamError } from "./upstream-error.ts";
import type { WeatherProvider } from "./weather.ts";

/** A provider that asks a network, and how the stub's log looks when it does. */
export interface NetworkProvider {
  /** Its setting's name. */
  readonly name: string;
  readonly make: (stub: WeatherStub, clock: Clock) => WeatherProvider;
  /** The lookup's path and the parameter that carries the city. */
  readonly lookup: { readonly path: string; readonly city: string };
  /** What is asked once the place is known. */
  readonly steps: readonly ("forecast" | "v1" | "v7")[];
}

/** Never comes to an end by itself. */
export const noSignal = () => new AbortController().signal;

/** What `work` was rejected with, which has to be an error of ours. */
export async function failureOf(work: unknown): Promise<UpstreamError> {
  const outcome: unknown = await Promise.resolve(work).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(UpstreamError);
  return outcome as UpstreamError;
}

const FAILURES: readonly WeatherMode[] = [
  "bad-request",
  "unauthorized",
  "forbidden",
  "not-found",
  "rate-limited",
  "server-error",
  "malformed",
  "missing-fields",
  "redirect",
  "oversized",
  "gzip-bomb",
];

/** Names that would be somewhere else than in a parameter, were they put together as text. */
const HOSTILE_CITIES = [
  "../../v1/elsewhere",
  "http://169.254.169.254/latest/meta-data/",
  "//169.254.169.254/",
  "@169.254.169.254/",
  "北京&x=1",
  "北京;x=1",
  "北京?x=1#y",
  "北京\r\nX-Injected: 1",
  "北京\u0000",
  "%2e%2e%2f%00",
  "São Paulo + 1",
];

/** What every provider that asks a network owes its callers. */
export function weatherContract({ name, make, lookup, steps }: NetworkProvider): void {
  describe(`${name} as a weather provider`, () => {
    let stub: WeatherStub;
    let clock: ManualClock;
    let provider: WeatherProvider;

    beforeEach(() => {
      stub = WeatherStub.start();
      clock = new ManualClock();
      provider = make(stub, clock);
    });
    afterEach(() => stub[Symbol.asyncDispose]());

    test("reads a compressed answer as it reads a plain one", async () => {
      const plain = await provider.now("北京", noSignal);
      stub.fail("gzip");
      expect(await provider.now("北京", noSignal)).toEqual(plain);
      expect(stub.requests.every(({ headers }) => headers.get("accept-encoding") === "gzip")).toBe(true);
      expect(clock.timers).toBe(0);
    });

    test.each(["no-match", "no-match-problem"] as const)("%s is an unknown city", async (mode) => {
      stub.fail(mode, "place");
      await expect(Promise.resolve(provider.now("Atlantis", noSignal))).rejects.toMatchObject({
        code: "CITY_NOT_FOUND",
        message: "Weather query failed: city not found",
      });
    });

    for (const at of [["place"], steps] as const) {
      test.each(FAILURES)(`%s at ${at.join(" and ")} is UPSTREAM_FAILED in our words alone`, async (mode) => {
        stub.fail(mode, ...at);
        const error = await failureOf(provider.now("北京", noSignal));
        expect(error.code).toBe("UPSTREAM_FAILED");
        expect(error.message).toMatch(/^Weather query failed: the weather service( refused|'s answer is [a-z ]+)$/);
        const logged = Bun.inspect(error);
        expect(logged).not.toContain(UPSTREAM_WORDS);
        expect(logged).not.toContain(STUB_KEY);
        expect(clock.timers).toBe(0);
      });
    }

    test("a redirect is not followed", async () => {
      stub.fail("redirect", "place");
      await failureOf(provider.now("北京", noSignal));
      expect(stub.requests.map(({ path }) => path)).toEqual([lookup.path]);
    });

    test("tells the status, by which a caller knows to back off", async () => {
      stub.fail("rate-limited");
      expect((await failureOf(provider.now("北京", noSignal))).status).toBe(429);
    });

    test("an unknown icon is 999", async () => {
      stub.fail("unknown-icon");
      expect(await provider.now("北京", noSignal)).toMatchObject({ icon: "999" });
    });

    test("5 s are all there is, over every request of one question", async () => {
      stub.fail("slow");
      const failure = failureOf(provider.now("北京", noSignal));
      await stub.received(1);
      clock.advance(4_999);
      stub.release();
      await stub.received(2);
      clock.advance(1);
      expect((await failure).message).toBe("Weather query failed: the weather service is too slow");
      expect(clock.timers).toBe(0);
    });

    test("the caller may leave", async () => {
      stub.fail("slow");
      const caller = new AbortController();
      const failure = failureOf(provider.now("北京", () => caller.signal));
      await stub.received(1);
      caller.abort();
      expect((await failure).message).toBe("Weather query failed: the request was abandoned");
      expect(clock.timers).toBe(0);
    });

    test.each(HOSTILE_CITIES)("%j arrives as the value of one parameter and nowhere else", async (city) => {
      await provider.now("北京", noSignal);
      const [innocent] = stub.requests.splice(0);
      await provider.now(city, noSignal);
      const [request, ...rest] = stub.requests;
      expect(request?.path).toBe(lookup.path);
      expect(request?.query).toEqual({ ...innocent?.query, [lookup.city]: city });
      expect(request?.repeated).toBe(false);
      expect(request?.headers.toJSON()).toEqual(innocent?.headers.toJSON());
      for (const { query } of rest) expect(Object.values(query).join()).not.toContain(city);
    });

    test("a lone surrogate, which no address can hold, arrives replaced", async () => {
      await provider.now("北\ud800京", noSignal);
      expect(stub.requests[0]?.query[lookup.city]).toBe("北\ufffd京");
    });
  });
}
