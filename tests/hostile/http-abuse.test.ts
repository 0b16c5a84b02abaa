import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Person, person } from "../e2e/support/people.ts";
import { TestServer } from "../e2e/support/server.ts";
import { Wire } from "./support/wire.ts";

/** How long the server may take over a bomb on a busy machine, milliseconds. */
const PATIENCE_MS = 15_000;

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(async () => {
  expect((await server.api("GET", "/healthz")).status).toBe(200);
  expect(server.output).not.toMatch(/"level":[56]0/);
  await server[Symbol.asyncDispose]();
});

const PATHS = [
  "/api/messages/",
  "/api/users/",
  "/api/users/1/",
  "/api/tokens/",
  "/healthz",
  "/openapi.json",
  "/ws/device/",
];
const METHODS = ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "SEARCH", "MKCOL", "PURGE"];

describe("a method that a path has no use for", () => {
  for (const path of PATHS) {
    test(`${path}: changes nothing and is no bug of ours`, async () => {
      for (const method of METHODS) {
        using wire = new Wire(server.port);
        wire.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        // Without a credential there is nothing that any of them may do.
        expect(await wire.answers()).toMatch(/^(4\d\d)?$/);
      }
    });
  }
});

/** Bodies of a push that nobody should send. */
const BODIES: Readonly<Record<string, readonly [body: string, status: number]>> = {
  "an array": ["[]", 400],
  "a text": ['"x"', 400],
  "a number without end": [`1${"0".repeat(60_000)}`, 400],
  "no JSON": ["{", 400],
  "a NUL": ["\u0000", 400],
  "60,000 brackets": ["[".repeat(60_000), 400],
  "10,000 levels": [`{"type":"a","user_id":1,"message":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, 422],
  "10,000 members": [`{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":1`).join()}}`, 400],
  "one member 5,000 times": [`{${Array.from({ length: 5_000 }, () => '"type":1').join()}}`, 400],
  "a prototype": ['{"__proto__":{"type":"a","message":"b","user_id":1}}', 400],
  "a constructor": ['{"constructor":{"prototype":{"type":"a"}}}', 400],
  "a user that is an object": ['{"type":"a","message":"b","user_id":{"toString":1}}', 422],
  "a user of a number beyond all": ['{"type":"a","message":"b","user_id":1e400}', 422],
  "a user of 60,000 digits": [`{"type":"a","message":"b","user_id":"${"9".repeat(60_000)}"}`, 422],
  "a type of 60,000 characters": [`{"type":"${"a".repeat(60_000)}","message":"b","user_id":1}`, 422],
  "64 KiB and a byte": [" ".repeat(65_537), 413],
};

describe("a push whose body is", () => {
  for (const [name, [body, status]] of Object.entries(BODIES)) {
    test(`${name}: ${status}`, async () => {
      const answer = await server.api("POST", "/api/messages/", { raw: body });
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({ status: "error", code: expect.not.stringMatching("INTERNAL_ERROR") });
    });
  }

  test("gzip is not unpacked", async () => {
    const bomb = Bun.gzipSync(Buffer.alloc(32 * 1024 * 1024, " "));
    const answer = await server.api("POST", "/api/messages/", { raw: bomb, headers: { "Content-Encoding": "gzip" } });
    expect([400, 413, 415]).toContain(answer.status);
  });

  test("without an end is 413 once it is too long, and no more of it is read", async () => {
    using wire = new Wire(server.port);
    wire.write(
      `POST /api/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    wire.write(chunk.repeat(3));
    expect(await wire.head(PATIENCE_MS)).toStartWith("HTTP/1.1 413 ");
  });

  test("announced as a tebibyte is 413 before any of it comes", async () => {
    using wire = new Wire(server.port);
    wire.write(
      `POST /api/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.token}\r\nContent-Length: 1099511627776\r\n\r\n`,
    );
    expect(await wire.head(PATIENCE_MS)).toStartWith("HTTP/1.1 413 ");
  });

  test("given up in the middle is no bug of ours", async () => {
    for (let time = 0; time < 20; time++) {
      using wire = new Wire(server.port);
      wire.write(
        `POST /api/messages/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.token}\r\nContent-Length: 5000\r\n\r\n{`,
      );
      wire.reset();
    }
    expect((await server.api("GET", "/healthz")).status).toBe(200);
  });
});

describe("bombs", () => {
  const bomb = async (bytes: string): Promise<string> => {
    using wire = new Wire(server.port);
    wire.write(bytes);
    return (await wire.head(PATIENCE_MS)).split(" ")[1] ?? "";
  };

  test("a header, a path or a number of headers beyond all bounds is 431 or the end", async () => {
    expect(await bomb(`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(16 * 1024 * 1024)}\r\n\r\n`)).toBe("431");
    expect(await bomb(`GET /${"x".repeat(16 * 1024 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe("431");
    expect(await bomb(`GET /healthz HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(200_000)}\r\n`)).toBe("431");
    expect(await bomb(`GET /healthz HTTP/1.1\r\n${"\r\n".repeat(10)}`)).toBe("400");
  });

  test("a path of thousands of segments, or of percent signs, is 404", async () => {
    expect((await server.api("GET", `/${"a/".repeat(5_000)}`)).status).toBe(404);
    expect((await server.api("GET", `/${"%25".repeat(4_000)}`)).status).toBe(404);
    expect((await server.api("GET", `/api/users/${"9".repeat(10_000)}/`)).status).toBe(422);
  });

  test("a query of thousands of parameters is read in no time", async () => {
    const started = performance.now();
    const { status } = await server.api("GET", `/api/users/?${"a=b&".repeat(3_500)}limit=1`);
    expect(status).toBe(200);
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
  });

  test("a credential of thousands of characters is a wrong one", async () => {
    for (const token of ["x".repeat(15_000), "lty_".repeat(3_000), " x ".repeat(4_000)]) {
      expect((await server.api("GET", "/api/users/", { token })).status).toBe(401);
    }
  });
});
