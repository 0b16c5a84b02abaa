import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Call } from "./support/client.ts";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { type Companion, companion, issuer, type Person, person, service } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

let server: TestServer;
let liberal: TestServer;
let alice: Person;
let bob: Person;
let device: Companion;
let unowned: Companion;
let backend: string;

beforeAll(async () => {
  [server, liberal] = await Promise.all([TestServer.start(), TestServer.start({ LTY_ALLOW_ANY_USER_PUSH: "true" })]);
  [alice, bob] = await Promise.all([person(server), person(server)]);
  [device, unowned] = await Promise.all([companion(server, alice, { is_primary: true }), companion(server)]);
  backend = await service(server);
});
afterAll(() => Promise.all([server[Symbol.asyncDispose](), liberal[Symbol.asyncDispose]()]));

const SENT = "消息发送成功";
const post = (path: string, body: unknown, call: Call = {}) => server.api("POST", path, { ...call, body });

/** Every push route, and a body it takes. */
const routes: Record<string, () => readonly [path: string, body: Record<string, unknown>]> = {
  "to a user": () => ["/api/messages/", { type: "note", message: "hi", user_id: alice.id, ttl: 0 }],
  "to a user by path": () => [`/api/users/${alice.id}/messages/`, { type: "note", message: "hi", ttl: 0 }],
  "to a device": () => [`/api/devices/${device.id}/messages/`, { type: "note", message: "hi", ttl: 0 }],
  broadcast: () => ["/api/broadcast/", { type: "note", message: "hi" }],
};

describe("the answer to a push", () => {
  for (const [name, route] of Object.entries(routes)) {
    if (name === "broadcast") continue;
    test(`${name} says what became of it`, async () => {
      const [path, body] = route();
      expect(expectSuccess(await post(path, body), 200, SENT)).toEqual({
        type: "note",
        message: "hi",
        timestamp,
        message_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        seq: null,
        online: false,
        duplicate: false,
      });
    });
  }

  test("broadcast counts the connections", async () => {
    const [path, body] = routes.broadcast?.() ?? ["", {}];
    expect(expectSuccess(await post(path, body), 200, SENT)).toEqual({ recipients: 0 });
    using one = await TestSocket.open(server.wsUrl, alice);
    using two = await TestSocket.open(server.wsUrl, alice);
    expect(expectSuccess(await post(path, body), 200, SENT)).toEqual({ recipients: 2 });
    for (const socket of [one, two]) {
      expect(await socket.rest()).toEqual([{ ...body, message_id: expect.any(String), timestamp } as never]);
    }
  });

  test("online says whether anybody it is for is connected", async () => {
    using _app = await TestSocket.open(server.wsUrl, { token: alice.token, query: { role: "app" } });
    const online = async (name: string) => {
      const [path, body] = routes[name]?.() ?? ["", {}];
      return (expectSuccess(await post(path, body), 200, SENT) as { online: boolean }).online;
    };
    expect(await online("to a user")).toBe(true);
    expect(await online("to a device")).toBe(false);
  });
});

describe("a type", () => {
  const reserved = ["connection_status", "error", "pong", "auth", "ack", "skip", "reset", "bye"];
  for (const [name, route] of Object.entries(routes)) {
    test(`that only the server may say is 422 RESERVED_TYPE: ${name}`, async () => {
      const [path, body] = route();
      for (const type of reserved) expectFailure(await post(path, { ...body, type }), 422, "RESERVED_TYPE");
    });

    test(`that is no text of 1 to 64 characters is 422 INVALID_VALUE: ${name}`, async () => {
      const [path, body] = route();
      for (const type of [7, true, [], {}, "t".repeat(65)]) {
        expectFailure(await post(path, { ...body, type }), 422, "INVALID_VALUE");
      }
    });

    test(`may be anything else, also what clients send or what a prototype has: ${name}`, async () => {
      const [path, body] = route();
      for (const type of ["sing", "ping", "chat_response", "Error", "toString", "__proto__", "通知", "t".repeat(64)]) {
        expectSuccess(await post(path, { ...body, type }), 200, SENT);
      }
    });
  }

  test("is system by default on the user's path, and required elsewhere", async () => {
    const answer = await post(`/api/users/${alice.id}/messages/`, { message: "hi", ttl: 0 });
    expect(expectSuccess(answer, 200, SENT)).toMatchObject({ type: "system" });
  });
});

describe("a message arrives as it was pushed:", () => {
  const messages: Record<string, string> = {
    "a text": '"你好 🐱 \\" \\\\ \\n \\u2028"',
    "a number": "0.1",
    false: "false",
    "an array": '[1,[2,[null]],{"a":[]}]',
    "an object": '{"text":"hi","n":{"a":1}}',
    "keys of prototypes": '{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}}}',
    "a lone surrogate": '"a\\ud800b"',
  };
  for (const [name, json] of Object.entries(messages)) {
    test(name, async () => {
      using socket = await TestSocket.open(server.wsUrl, { token: alice.token, query: { role: "app" } });
      const raw = `{"type":"note","user_id":${alice.id},"ttl":0,"message":${json}}`;
      expectSuccess(await server.api("POST", "/api/messages/", { raw }), 200, SENT);
      await socket.next();
      expect(socket.received.at(-1)).toContain(`"message":${JSON.stringify(JSON.parse(json))}`);
    });
  }

  test("members that nobody knows are not passed on", async () => {
    using socket = await TestSocket.open(server.wsUrl, { token: alice.token, query: { role: "app" } });
    await post("/api/messages/", { ...routes["to a user"]?.()[1], sender: "root", seq: 7, id: "1", extra: true });
    expect(await socket.next()).toEqual({
      type: "note",
      message: "hi",
      message_id: expect.any(String),
      timestamp,
    } as never);
  });
});

describe("who may push", () => {
  const to = (user: Person) => ({ type: "note", message: "hi", user_id: user.id, ttl: 0 });

  test("a user: to themselves and their devices; of others they are told 404", async () => {
    const call = { token: alice.token };
    expectSuccess(await post("/api/messages/", to(alice), call), 200, SENT);
    expectSuccess(await post(`/api/devices/${device.id}/messages/`, to(alice), call), 200, SENT);
    expectFailure(await post("/api/messages/", to(bob), call), 404, "NOT_FOUND");
    expectFailure(await post(`/api/devices/${device.id}/messages/`, to(bob), { token: bob.token }), 404, "NOT_FOUND");
    expectFailure(await post(`/api/devices/${unowned.id}/messages/`, to(bob), call), 404, "NOT_FOUND");
    expectFailure(await post("/api/broadcast/", to(alice), call), 403, "FORBIDDEN");
  });

  test("a device: to its owner, not to devices; one of nobody to nobody", async () => {
    expectSuccess(await post("/api/messages/", to(alice), device), 200, SENT);
    expectFailure(await post("/api/messages/", to(bob), device), 404, "NOT_FOUND");
    expectFailure(await post("/api/messages/", to(alice), unowned), 404, "NOT_FOUND");
    expectFailure(await post(`/api/devices/${device.id}/messages/`, to(alice), device), 403, "FORBIDDEN");
    expectFailure(await post("/api/broadcast/", to(alice), device), 403, "FORBIDDEN");
  });

  test("services and admins: to anyone there is", async () => {
    for (const token of [backend, await issuer(server), server.adminToken]) {
      expectSuccess(await post("/api/messages/", to(bob), { token }), 200, SENT);
      expectSuccess(await post(`/api/devices/${device.id}/messages/`, to(alice), { token }), 200, SENT);
      expectSuccess(await post("/api/broadcast/", to(alice), { token }), 200, SENT);
      expectFailure(await post("/api/messages/", { ...to(bob), user_id: 999_999 }, { token }), 404, "NOT_FOUND");
      expectFailure(await post("/api/users/999999/messages/", to(bob), { token }), 404, "NOT_FOUND");
      expectFailure(await post("/api/devices/999999/messages/", to(bob), { token }), 404, "NOT_FOUND");
      expectFailure(await post(`/api/devices/${unowned.id}/messages/`, to(bob), { token }), 409, "DEVICE_NOT_BOUND");
    }
  });

  test("with LTY_ALLOW_ANY_USER_PUSH any user to any user there is, and still no device", async () => {
    const [one, two] = await Promise.all([person(liberal), person(liberal)]);
    const theirs = await companion(liberal, two);
    const call = (body: unknown) => ({ token: one.token, body });
    expectSuccess(await liberal.api("POST", "/api/messages/", call(to(two))), 200, SENT);
    expectSuccess(await liberal.api("POST", `/api/users/${two.id}/messages/`, call(to(two))), 200, SENT);
    expectFailure(
      await liberal.api("POST", "/api/messages/", call({ ...to(two), user_id: 999_999 })),
      404,
      "NOT_FOUND",
    );
    expectFailure(await liberal.api("POST", `/api/devices/${theirs.id}/messages/`, call(to(two))), 404, "NOT_FOUND");
    const asDevice = { token: theirs.token, body: to(one) };
    expectFailure(await liberal.api("POST", "/api/messages/", asDevice), 404, "NOT_FOUND");
  });
});
