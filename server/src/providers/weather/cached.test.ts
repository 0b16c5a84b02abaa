import { beforeEach, describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { cached } from "./cached.ts";
import { UpstreamError } from "./upstream-error.ts";
import { failureOf, noSignal } from "./weather.contract.ts";
import type { CurrentWeather, WeatherProvider } from "./weather.ts";

const MINUTE = 60_000;
const BUSY = "Weather query failed: the weather service is busy";

/** A question that waits for the test to answer it. */
interface Question {
  readonly city: string;
  readonly answer: (temp?: string) => void;
  readonly fail: (error: Error) => void;
}

function weather(city: string, temp = "20"): CurrentWeather {
  return { city, temp, text: "晴", icon: "100", updateTime: "2026-01-01T00:00:00Z", provider: "scripted" };
}

describe("cached", () => {
  let clock: ManualClock;
  let questions: Question[];
  let provider: WeatherProvider;

  beforeEach(() => {
    clock = new ManualClock();
    questions = [];
    provider = cached(
      {
        now: (city, signal) => {
          expect(signal().aborted).toBe(false);
          const { promise, resolve, reject } = Promise.withResolvers<CurrentWeather>();
          questions.push({ city, answer: (temp) => resolve(weather(city, temp)), fail: reject });
          return promise;
        },
      },
      clock,
    );
  });

  const ask = (city: string) => provider.now(city, noSignal);
  /** What asking throws at once. `toThrow` would wait for an answer instead, were there a promise of one. */
  function refusalOf(city: string): unknown {
    try {
      return ask(city);
    } catch (error) {
      return error;
    }
  }

  const last = () => questions.at(-1) as Question;

  /** Asks, and has the question answered. */
  async function know(city: string, temp?: string): Promise<void> {
    const asked = ask(city);
    last().answer(temp);
    await asked;
  }

  /** Asks, and has the question fail. */
  function failing(city: string, error: Error): Promise<CurrentWeather> {
    const asked = Promise.resolve(ask(city));
    last().fail(error);
    return asked;
  }

  describe("an answer", () => {
    test("is given again for 10 minutes, without a promise", async () => {
      await know("北京");
      clock.advance(10 * MINUTE - 1);
      expect(ask("北京")).toEqual(weather("北京"));
      clock.advance(1);
      expect(ask("北京")).toBeInstanceOf(Promise);
      expect(questions).toHaveLength(2);
    });

    test("does not age by the wall clock", async () => {
      await know("北京");
      clock.stepWall(24 * 60 * MINUTE);
      expect(ask("北京")).toEqual(weather("北京"));
    });

    test("is found under every spelling of the name", async () => {
      await know("  São Paulo ");
      expect(last().city).toBe("São Paulo");
      for (const name of ["são paulo", "SÃO PAULO", "Sa\u0303o Paulo", "\tSão Paulo\n"]) {
        expect(ask(name)).toMatchObject({ city: "São Paulo" });
      }
      expect(questions).toHaveLength(1);
    });

    test("is one of 1,000: the city that was asked for least lately is forgotten", async () => {
      for (let n = 0; n < 1_000; n++) await know(`city ${n}`);
      ask("city 0");
      await know("city 1000");
      expect(ask("city 0")).toMatchObject({ city: "city 0" });
      expect(questions).toHaveLength(1_001);
      await know("city 1");
      expect(questions).toHaveLength(1_002);
    });
  });

  describe("a failure", () => {
    const outage = new UpstreamError("the weather service refused", { status: 500 });

    test("is passed on where nothing is known", async () => {
      expect(await failureOf(failing("北京", outage))).toBe(outage);
    });

    test("is not remembered", async () => {
      await failureOf(failing("北京", outage));
      await know("北京");
      expect(ask("北京")).toMatchObject({ city: "北京" });
    });

    test("is covered by an answer of up to an hour", async () => {
      await know("北京");
      clock.advance(60 * MINUTE - 1);
      expect(await failing("北京", outage)).toEqual(weather("北京"));
      clock.advance(1);
      expect(await failureOf(failing("北京", outage))).toBe(outage);
    });

    test("spares the service and the callers for 30 s, where it is covered", async () => {
      await know("北京");
      clock.advance(10 * MINUTE);
      await failing("北京", outage);
      clock.advance(30_000 - 1);
      expect(ask("北京")).toEqual(weather("北京"));
      clock.advance(1);
      await know("北京", "21");
      expect(ask("北京")).toEqual(weather("北京", "21"));
    });
  });

  describe("an unknown city", () => {
    const unknown = new GatewayError("CITY_NOT_FOUND");

    test("is remembered for a minute, and then asked for again", async () => {
      await expect(failing("Atlantis", unknown)).rejects.toBe(unknown);
      clock.advance(MINUTE - 1);
      expect(refusalOf(" ATLANTIS")).toMatchObject({ code: "CITY_NOT_FOUND" });
      clock.advance(1);
      await know("Atlantis");
      expect(ask("Atlantis")).toMatchObject({ city: "Atlantis" });
    });

    test("is not masked by an old answer", async () => {
      await know("北京");
      clock.advance(10 * MINUTE);
      await expect(failing("北京", unknown)).rejects.toBe(unknown);
      clock.advance(MINUTE);
      const outage = new UpstreamError("the weather service refused");
      expect(await failureOf(failing("北京", outage))).toBe(outage);
    });

    test("pushes out no answer, however many there are", async () => {
      await know("北京");
      for (let n = 0; n < 2_000; n++) await expect(failing(`nowhere ${n}`, unknown)).rejects.toBe(unknown);
      expect(ask("北京")).toEqual(weather("北京"));
    });
  });

  describe("one flight", () => {
    test("serves everybody who asks for the city meanwhile", async () => {
      const asked = [ask("北京"), ask(" 北京"), ask("北京")];
      expect(questions).toHaveLength(1);
      last().answer();
      expect(await Promise.all(asked)).toEqual([weather("北京"), weather("北京"), weather("北京")]);
    });

    test("is not ended by a caller who leaves", async () => {
      const leaver = new AbortController();
      const left = provider.now("北京", () => leaver.signal);
      const stayed = ask("北京");
      leaver.abort();
      expect((await failureOf(left)).message).toBe("Weather query failed: the request was abandoned");
      last().answer();
      expect(await stayed).toEqual(weather("北京"));
    });

    test("is of use when everybody has left", async () => {
      const left = failureOf(provider.now("北京", () => AbortSignal.abort()));
      last().answer();
      await left;
      expect(ask("北京")).toEqual(weather("北京"));
    });

    test("may fail when everybody has left", async () => {
      const left = failureOf(provider.now("北京", () => AbortSignal.abort()));
      last().fail(new Error("nobody is listening"));
      await left;
    });

    test("ends also when the provider throws at once", async () => {
      let calls = 0;
      const throwing = cached(
        {
          now: () => {
            calls++;
            throw new UpstreamError("the weather service refused");
          },
        },
        clock,
      );
      for (let n = 0; n < 2; n++) await failureOf(throwing.now("北京", noSignal));
      expect(calls).toBe(2);
    });
  });

  describe("at most 32 questions", () => {
    test("are open, whatever is asked", async () => {
      await know("上海");
      clock.advance(10 * MINUTE);
      const asked = Array.from({ length: 32 }, (_, n) => ask(`city ${n}`));
      expect(refusalOf("北京")).toMatchObject({ message: BUSY });
      // What is on its way may be waited for, and an old answer costs no question.
      asked.push(ask("city 7"));
      expect(ask("上海")).toEqual(weather("上海"));
      expect(questions).toHaveLength(33);

      for (const { answer } of questions) answer();
      await Promise.all(asked);
      await know("北京");
    });
  });

  describe("HTTP 429", () => {
    const enough = new UpstreamError("the weather service refused", { status: 429 });

    test("stops every question for a minute", async () => {
      await know("上海");
      clock.advance(10 * MINUTE);
      expect(await failureOf(failing("北京", enough))).toBe(enough);
      clock.advance(MINUTE - 1);
      expect(refusalOf("广州")).toMatchObject({ message: BUSY });
      expect(ask("上海")).toEqual(weather("上海"));
      expect(questions).toHaveLength(2);
      clock.advance(1);
      await know("广州");
    });

    test("is covered by an old answer, as any failure is", async () => {
      await know("北京");
      clock.advance(10 * MINUTE);
      expect(await failing("北京", enough)).toEqual(weather("北京"));
      expect(refusalOf("广州")).toMatchObject({ message: BUSY });
    });
  });
});
