import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { STUB_KEY, UPSTREAM_WORDS, WeatherStub } from "@qy-lty/testkit";
import { person } from "../e2e/support/people.ts";
import { TestServer } from "../e2e/support/server.ts";
import { TestSocket } from "../e2e/support/socket.ts";

/** Cities that would lead somewhere, if anything but a parameter's value were made of them. */
const CITIES = [
  "http://127.0.0.1:1/",
  "//127.0.0.1:1/",
  "http://169.254.169.254/latest/meta-data/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:1/_x",
  "x@127.0.0.1:1",
  "../../../etc/passwd",
  "..%2f..%2fv1%2fforecast",
  "/v1/forecast",
  "x&latitude=0&longitude=0",
  "x&name=y&count=100",
  "x?name=y",
  "x#fragment",
  "x;key=y",
  "x%00y",
  "x\u0000y",
  "x\r\nHost: 127.0.0.1:1\r\n\r\nGET /secret HTTP/1.1",
  "x HTTP/1.1\r\n\r\n",
  "x\\y",
  "[::1]",
  "0x7f000001",
  "$\u007bjndi:ldap://127.0.0.1:1/x}",
  "\u202e127.0.0.1",
  "北京\ud800",
];

/** Where each service is asked for a place, and by which parameter. */
const LOOKUPS = {
  "open-meteo": { path: "/v1/search", name: "name" },
  qweather: { path: "/geo/v2/city/lookup", name: "location" },
} as const;

/** A host that must not hear anything. */
class Bystander implements AsyncDisposable {
  heard = 0;
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      this.heard += 1;
      return Response.json({ secret: "of the inner network" });
    },
  });

  get url(): string {
    return this.#server.url.origin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

for (const provider of ["open-meteo", "qweather"] as const) {
  describe(`by way of ${provider}`, () => {
    const { path, name } = LOOKUPS[provider];
    let stub: WeatherStub;
    let bystander: Bystander;
    let server: TestServer;
    let socket: TestSocket;
    let asked: string[];

    beforeAll(async () => {
      stub = WeatherStub.start();
      bystander = new Bystander();
      server = await TestServer.start(stub.environment(provider));
    });
    afterAll(async () => {
      expect(bystander.heard).toBe(0);
      expect(server.output).not.toContain(STUB_KEY);
      expect(server.output).not.toContain(UPSTREAM_WORDS);
      expect(server.output).not.toMatch(/"level":[56]0/);
      socket[Symbol.dispose]();
      await Promise.all([server, stub, bystander].map((part) => part[Symbol.asyncDispose]()));
    });
    beforeEach(async () => {
      socket ??= await TestSocket.open(server.wsUrl, { token: (await person(server)).token });
      stub.requests.splice(0);
      asked = [];
    });

    const ask = async (city: string): Promise<Readonly<Record<string, unknown>>> => {
      const answer = await socket.ask({ type: "weather", message: { city } });
      asked = stub.requests.map((request) => request.path);
      return answer;
    };

    for (const city of [...CITIES]) {
      test(`${JSON.stringify(city)} is a name and nothing else`, async () => {
        await ask(city);
        const [lookup] = stub.requests;
        // Nobody was asked at all, or the one host, at the one path, with the name as the value of the one parameter.
        if (lookup !== undefined) {
          expect([lookup.method, lookup.path, lookup.repeated]).toEqual(["GET", path, false]);
          expect(lookup.query[name]).toBe(city.trim().toWellFormed().normalize("NFC"));
        }
        const places = ["/v1/forecast", "/weather/v1/current/", "/v7/weather/now"];
        for (const next of asked.slice(1)) expect(places.some((place) => next.startsWith(place))).toBe(true);
      });
    }

    test("a city that is this very host is a name too", async () => {
      await ask(bystander.url);
      expect(bystander.heard).toBe(0);
      expect(stub.requests[0]?.query[name]).toBe(bystander.url);
    });

    test("a redirect is not followed, and its target is not told", async () => {
      const answer = await ask("redirect");
      expect(answer).toMatchObject({ type: "error", code: "UPSTREAM_FAILED" });
      expect(asked.filter((target) => target.includes("redirected"))).toEqual([]);
      expect(JSON.stringify(answer)).not.toContain("redirected");
    });

    for (const mode of ["oversized", "gzip-bomb", "malformed", "missing-fields", "unauthorized", "server-error"]) {
      test(`an answer that is ${mode} is told in our words alone`, async () => {
        const answer = await ask(mode);
        expect(answer).toMatchObject({ type: "error", code: "UPSTREAM_FAILED" });
        expect(JSON.stringify(answer)).not.toContain(UPSTREAM_WORDS);
        expect(JSON.stringify(answer)).not.toContain(STUB_KEY);
      });
    }
  });
}
