import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { z } from "zod";
import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import { WeatherStub } from "../../../../testkit/src/weather-stub.ts";
import { ask } from "./upstream.ts";
import { failureOf, noSignal } from "./weather.contract.ts";

const Results = z.object({ results: z.array(z.object({ name: z.string() })) });

describe("ask", () => {
  let stub: WeatherStub;
  let clock: ManualClock;

  beforeEach(() => {
    stub = WeatherStub.start();
    clock = new ManualClock();
  });
  afterEach(() => stub[Symbol.asyncDispose]());

  const search = (mode: string, signal = noSignal()) =>
    ask(clock, signal, (get) => get(new URL(`/v1/search?name=${mode}`, stub.url), Results));

  const server = (respond: () => Response) => Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: respond });

  test("gives the fields of the schema and no others", async () => {
    expect(await search("ok")).toEqual({ results: [{ name: "北京" }] });
  });

  test("an answer that stalls half way is given up too", async () => {
    const requests = spyOn(globalThis, "fetch");
    try {
      const failure = failureOf(search("stalled"));
      await requests.mock.results[0]?.value;
      clock.advance(5_000);
      expect((await failure).message).toEndWith("the weather service is too slow");
    } finally {
      requests.mockRestore();
    }
  });

  test("asks nothing for a caller who has left already", async () => {
    expect((await failureOf(search("ok", AbortSignal.abort()))).message).toEndWith("the request was abandoned");
    expect(stub.requests).toEqual([]);
  });

  test("takes its listener and its timer with it", async () => {
    const caller = new AbortController();
    const listening = [spyOn(caller.signal, "addEventListener"), spyOn(caller.signal, "removeEventListener")];
    await search("ok", caller.signal);
    expect(listening.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    expect(clock.timers).toBe(0);
  });

  test("64 KiB pass, a byte more does not, on the line as unpacked", async () => {
    const padded = (bytes: number) => JSON.stringify({ results: [] }).padEnd(bytes);
    const gzip = { headers: { "content-encoding": "gzip" } };
    for (const [bytes, works] of [
      [65_536, true],
      [65_537, false],
    ] as const) {
      await using plain = server(() => new Response(padded(bytes)));
      await using packed = server(() => new Response(Bun.gzipSync(padded(bytes)), gzip));
      for (const { url } of [plain, packed]) {
        const answer = ask(clock, noSignal(), (get) => get(url, Results));
        if (works) expect(await answer).toEqual({ results: [] });
        else await failureOf(answer);
      }
    }
  });

  test.each([
    ["an encoding that was not asked for", () => new Response("{}", { headers: { "content-encoding": "br" } })],
    ["gzip in name alone", () => new Response("{}", { headers: { "content-encoding": "gzip" } })],
    ["bytes that are no text", () => new Response(new Uint8Array([0x22, 0xff, 0x22]))],
    ["nothing", () => new Response(null, { status: 204 })],
  ])("%s is unreadable", async (_, respond) => {
    await using broken = server(respond);
    const error = await failureOf(ask(clock, noSignal(), (get) => get(broken.url, z.unknown())));
    expect(error.message).toEndWith("the weather service's answer is unreadable");
  });

  test("a service that is not there fails without its address in the log", async () => {
    const url = new URL("http://user:secret@127.0.0.1:1/v1/search");
    const error = await failureOf(ask(clock, noSignal(), (get) => get(url, z.unknown())));
    expect(error.message).toBe("Weather query failed: the weather service cannot be reached");
    expect(error.cause).toMatchObject({ message: "ECONNREFUSED" });
    expect(Bun.inspect(error)).not.toContain("secret@");
  });

  test("an error of the work itself passes unchanged", async () => {
    const bug = new TypeError("a bug of ours");
    await expect(ask(clock, noSignal(), () => Promise.reject(bug))).rejects.toBe(bug);
    expect(clock.timers).toBe(0);
  });
});
