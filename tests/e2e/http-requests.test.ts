import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectFailure } from "./support/expect.ts";
import { disable, issue, type Person, person } from "./support/people.ts";
import { RawSocket } from "./support/raw-socket.ts";
import { wrongToken } from "./support/refusal.ts";
import { TestServer } from "./support/server.ts";

let server: TestServer;
let alice: Person;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const MESSAGES = "/api/messages/";
const push = (more: object = {}) => ({ type: "note", message: "hi", user_id: alice.id, ttl: 0, ...more });
const post = (raw: string | Uint8Array | ReadableStream<Uint8Array>) => server.api("POST", MESSAGES, { raw });

describe("a success", () => {
  test("is JSON that nobody keeps, with status, message and data", async () => {
    const { status, headers, body } = await server.api("GET", `/api/users/${alice.id}/`);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["status", "message", "data"]);
    expect(body.status).toBe("success");
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(headers.get("cache-control")).toBe("no-store");
  });
});

describe("401 UNAUTHENTICATED without a good credential:", () => {
  const headers: Record<string, () => Record<string, string> | Promise<Record<string, string>>> = {
    none: () => ({}),
    "an unknown token": () => ({ authorization: `Bearer ${wrongToken()}` }),
    "what is no token": () => ({ authorization: "Bearer secret" }),
    "another scheme": () => ({ authorization: `Basic ${btoa(`root:${server.adminToken}`)}` }),
    "a token without a scheme": () => ({ authorization: server.adminToken }),
    "a scheme without a token": () => ({ authorization: "Token" }),
    "a cookie": () => ({ cookie: `token=${server.adminToken}` }),
    "a revoked token": async () => {
      const { id, token } = await issue(server, { user_id: alice.id });
      await server.data("DELETE", `/api/tokens/${id}/`);
      return { authorization: `Bearer ${token}` };
    },
    "a disabled user": async () => {
      const user = await person(server);
      await disable(server, user);
      return { authorization: `Bearer ${user.token}` };
    },
  };
  for (const [name, header] of Object.entries(headers)) {
    test(name, async () => {
      const answer = await server.api("GET", "/api/users/", { token: null, headers: await header() });
      expectFailure(answer, 401, "UNAUTHENTICATED");
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    });
  }

  test("a token in the query, where logs would keep it", async () => {
    const answer = await server.api("GET", `/api/users/?token=${server.adminToken}`, { token: null });
    expectFailure(answer, 401, "UNAUTHENTICATED");
  });

  for (const scheme of ["Bearer", "Token", "bearer", "TOKEN"]) {
    test(`${scheme} carries one`, async () => {
      const headers = { authorization: `${scheme} ${alice.token}` };
      expect((await server.api("GET", "/api/users/", { token: null, headers })).status).toBe(200);
    });
  }

  test("comes before anything about the body", async () => {
    const answer = await server.api("POST", MESSAGES, { token: null, raw: "x".repeat(100_000) });
    expectFailure(answer, 401, "UNAUTHENTICATED");
  });
});

describe("paths", () => {
  test("a trailing slash is optional", async () => {
    for (const path of ["/api/users", "/api/users/", `/api/users/${alice.id}`, `/api/users/${alice.id}/`]) {
      expect((await server.api("GET", path)).status).toBe(200);
    }
    for (const path of ["/api/messages", "/api/messages/", `/api/users/${alice.id}/messages`]) {
      expect((await server.api("POST", path, { body: push() })).status).toBe(200);
    }
  });

  for (const path of ["/", "/api", "/api/", "/api/nothing/", "/api/users/1/2/", "/api//users/", "/API/users/"]) {
    test(`${path} is 404 NOT_FOUND`, async () => expectFailure(await server.api("GET", path), 404, "NOT_FOUND"));
  }

  const refused: readonly (readonly [method: string, path: string, allow: string])[] = [
    ["GET", "/api/messages/", "POST"],
    ["PUT", "/api/messages/", "POST"],
    ["PATCH", "/api/queue/", "DELETE, GET, POST"],
    ["DELETE", "/api/users/", "GET, POST"],
    ["PUT", "/api/users/1/", "DELETE, GET, PATCH"],
    ["POST", "/api/devices/1/", "DELETE, GET, PATCH"],
    ["PATCH", "/api/tokens/1/", "DELETE, GET"],
    ["GET", "/api/connections/018f2b1e-0000-7000-8000-000000000000/", "DELETE"],
    ["POST", "/healthz", "GET"],
  ];
  for (const [method, path, allow] of refused) {
    test(`${method} ${path} is 405 METHOD_NOT_ALLOWED and says what is allowed`, async () => {
      const answer = await server.api(method, path);
      expectFailure(answer, 405, "METHOD_NOT_ALLOWED");
      expect(answer.headers.get("allow")?.split(", ").sort().join(", ")).toBe(allow);
    });
  }

  test("each failure has a request id of its own, in the body and in a header", async () => {
    const [one, two] = [await server.api("GET", "/api/nothing/"), await server.api("GET", "/api/nothing/")];
    expect(one.headers.get("x-request-id")).toBe(String(one.body.request_id));
    expect(one.body.request_id).not.toBe(two.body.request_id);
  });
});

describe("400 INVALID_BODY:", () => {
  for (const raw of ["{", "hello", "[]", "7", "null", "true", '"text"', "type=note&message=hi", "{}x"]) {
    test(raw, async () => expectFailure(await post(raw), 400, "INVALID_BODY"));
  }
});

describe("400 MISSING_PARAMETER 缺少必要参数, where a required field is absent, null or empty:", () => {
  const required: readonly (readonly [method: string, path: string, body: Record<string, unknown>])[] = [
    ["POST", "/api/messages/", { type: "note", message: "hi", user_id: 1 }],
    ["POST", "/api/users/1/messages/", { message: "hi" }],
    ["POST", "/api/devices/1/messages/", { type: "note", message: "hi" }],
    ["POST", "/api/broadcast/", { type: "note", message: "hi" }],
    ["POST", "/api/queue/", { user_id: 1, message: { type: "note", message: "hi" } }],
    ["POST", "/api/users/", { username: "nobody" }],
    ["POST", "/api/devices/", { name: "nothing" }],
  ];
  for (const [method, path, body] of required) {
    for (const field of Object.keys(body)) {
      test(`${field} of ${method} ${path}`, async () => {
        for (const value of [undefined, null, ""]) {
          const answer = await server.api(method, path, { body: { ...body, [field]: value } });
          expectFailure(answer, 400, "MISSING_PARAMETER");
          expect(answer.body.message).toBe("缺少必要参数");
        }
      });
    }
  }

  test("a token without an owner", async () =>
    expectFailure(await server.api("POST", "/api/tokens/", { body: {} }), 400, "MISSING_PARAMETER"));

  test("no body at all", async () => expectFailure(await server.api("POST", MESSAGES), 400, "MISSING_PARAMETER"));

  test("members of the prototype are not members", async () =>
    expectFailure(await post('{"__proto__":{"type":"note","message":"hi","user_id":1}}'), 400, "MISSING_PARAMETER"));

  test("before anything else about the fields", async () =>
    expectFailure(await server.api("POST", MESSAGES, { body: { type: 7, message: "hi" } }), 400, "MISSING_PARAMETER"));

  for (const message of [0, false, [], {}, " "]) {
    test(`but a message may be ${JSON.stringify(message)}`, async () => {
      const { status, body } = await server.api("POST", MESSAGES, { body: push({ message }) });
      expect(status).toBe(200);
      expect((body.data as { message: unknown }).message).toEqual(message);
    });
  }
});

describe("ids", () => {
  test("are positive integers or strings of digits", async () => {
    for (const id of [alice.id, `${alice.id}`, `00${alice.id}`]) {
      expect((await server.api("POST", MESSAGES, { body: push({ user_id: id }) })).status).toBe(200);
      expect((await server.api("GET", `/api/users/${id}/`)).body).toMatchObject({ data: { id: alice.id } });
    }
  });

  const values = [
    0,
    -1,
    1.5,
    2 ** 53,
    true,
    [1],
    {},
    "0",
    "-1",
    "1.5",
    "1e3",
    "0x7",
    " 7",
    "7 ",
    "七",
    "abc",
    "9".repeat(17),
  ];
  for (const value of values) {
    test(`${JSON.stringify(value)} is none: 422 INVALID_VALUE`, async () => {
      expectFailure(await server.api("POST", MESSAGES, { body: push({ user_id: value }) }), 422, "INVALID_VALUE");
      if (typeof value === "object" || value === true) return;
      expectFailure(await server.api("GET", `/api/users/${encodeURIComponent(String(value))}/`), 422, "INVALID_VALUE");
    });
  }
});

/** A body of exactly so many bytes. */
function bodyOf(bytes: number): string {
  const empty = JSON.stringify(push({ message: "" }));
  return empty.replace('"message":""', `"message":"${"x".repeat(bytes - empty.length)}"`);
}

function inChunks(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 10_000) controller.enqueue(bytes.slice(at, at + 10_000));
      controller.close();
    },
  });
}

describe("413 TOO_LARGE:", () => {
  test("64 KiB are taken, with Content-Length and without", async () => {
    expect((await post(bodyOf(65_536))).status).toBe(200);
    expect((await post(inChunks(bodyOf(65_536)))).status).toBe(200);
  });

  for (const bytes of [65_537, 200_000, 5_000_000]) {
    test(`${bytes} bytes, announced`, async () => expectFailure(await post(bodyOf(bytes)), 413, "TOO_LARGE"));
    test(`${bytes} bytes in chunks`, async () => expectFailure(await post(inChunks(bodyOf(bytes))), 413, "TOO_LARGE"));
  }

  test("64 KiB are counted in bytes, not in characters", async () =>
    expectFailure(await post(bodyOf(40_000).replaceAll("x", "好")), 413, "TOO_LARGE"));

  test("a body that is announced and never comes keeps nobody waiting", async () => {
    const head = `POST ${MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.adminToken}\r\n`;
    const { status } = await RawSocket.request(server.port, `${head}Content-Length: 900000000\r\n\r\n{`);
    expect(status).toBe(413);
  });
});

describe("nesting", () => {
  const body = (depth: number) =>
    `{"type":"note","user_id":${alice.id},"ttl":0,"message":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;
  test("of 32 levels is taken", async () => expect((await post(body(32))).status).toBe(200));
  for (const depth of [33, 1_000, 32_000]) {
    test(`of ${depth} levels is 422 INVALID_VALUE`, async () =>
      expectFailure(await post(body(depth)), 422, "INVALID_VALUE"));
  }
  test("of 100,000 levels is too large before it is too deep", async () =>
    expectFailure(await post(body(100_000)), 413, "TOO_LARGE"));
  test("that is never closed is 400 INVALID_BODY", async () =>
    expectFailure(await post(`{"a":${"[".repeat(60_000)}`), 400, "INVALID_BODY"));
});

describe("paging", () => {
  beforeAll(async () => {
    for (let count = 0; count < 3; count++) await person(server);
  });
  const list = async (query: string) =>
    server.data<{ items: { id: number }[]; total: number }>("GET", `/api/users/?${query}`);

  test("limit and offset cut a piece out of the whole, whose length total is", async () => {
    const whole = await list("");
    expect(whole.total).toBe(whole.items.length);
    expect(await list("limit=2&offset=1")).toEqual({ items: whole.items.slice(1, 3), total: whole.total });
    expect(await list(`offset=${whole.total}`)).toEqual({ items: [], total: whole.total });
  });

  for (const query of [
    "limit=0",
    "limit=-1",
    "limit=1001",
    "limit=ten",
    "limit=1.5",
    "limit=",
    "offset=-1",
    "offset=x",
  ]) {
    test(`${query} is 422 INVALID_VALUE`, async () =>
      expectFailure(await server.api("GET", `/api/users/?${query}`), 422, "INVALID_VALUE"));
  }
});
