import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { HttpAnswer } from "./support/client.ts";
import { expectFailure, expectSuccess } from "./support/expect.ts";
import { type Companion, companion, type Person, person, service } from "./support/people.ts";
import { type Pushed, quiet, range, reliable, take } from "./support/reliable.ts";
import { TestServer } from "./support/server.ts";
import { TestSocket } from "./support/socket.ts";

const SENT = "消息发送成功";

let server: TestServer;
let alice: Person;
let device: Companion;
let backend: string;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
  device = await companion(server, alice);
  backend = await service(server);
});
afterAll(() => server[Symbol.asyncDispose]());

let keys = 0;
const newKey = () => `key-${++keys}`;

/** The two ways in which a caller names its request. */
const ways: Record<string, (key: string) => { headers?: Record<string, string>; more?: object }> = {
  "the header Idempotency-Key": (key) => ({ headers: { "Idempotency-Key": key } }),
  "idempotency_key in the body": (key) => ({ more: { idempotency_key: key } }),
};

function send(way: string, key: string, body: object = {}, token = backend, path = "/api/messages/") {
  const { headers = {}, more = {} } = ways[way]?.(key) ?? {};
  return server.api("POST", path, {
    token,
    headers,
    body: { type: "note", message: "once", user_id: alice.id, ...body, ...more },
  });
}

const dataOf = (answer: HttpAnswer) => expectSuccess(answer, 200, SENT) as Pushed & Record<string, unknown>;
const withoutDuplicate = ({ duplicate: _, online: __, ...rest }: Pushed & Record<string, unknown>) => rest;

for (const way of Object.keys(ways)) {
  describe(`one key, by ${way},`, () => {
    test("50 times at once is one message and one answer; after restarts too", async () => {
      const key = newKey();
      using socket = await reliable(server, device);
      await quiet(socket);
      const answers = (await Promise.all(range(1, 50).map(() => send(way, key)))).map(dataOf);
      expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      const [first] = answers.map(withoutDuplicate);
      for (const answer of answers) expect(withoutDuplicate(answer)).toEqual(first as never);
      expect(await socket.next()).toMatchObject({ message_id: first?.message_id, seq: first?.seq });
      expect(await quiet(socket)).toEqual([]);

      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await server.restart(signal);
        const again = (await Promise.all(range(1, 5).map(() => send(way, key)))).map(dataOf);
        for (const answer of again) {
          expect(withoutDuplicate(answer)).toEqual(first as never);
          expect(answer.duplicate).toBe(true);
        }
      }
    });

    test("with another body, target, type or lifetime is 409, and says nothing to anybody", async () => {
      const bob = await person(server);
      const key = newKey();
      const first = dataOf(await send(way, key));
      const others = [{ message: "twice" }, { type: "other" }, { user_id: bob.id }, { ttl: 5 }, { ttl: 0 }];
      for (const other of others) expectFailure(await send(way, key, other), 409, "CONFLICT");
      const path = `/api/users/${alice.id}/messages/`;
      expectFailure(await send(way, key, {}, backend, path), 409, "CONFLICT");
      expectFailure(await send(way, key, {}, backend, `/api/devices/${device.id}/messages/`), 409, "CONFLICT");
      expect(dataOf(await send(way, key))).toMatchObject({ message_id: first.message_id, duplicate: true });
    });
  });
}

test("the header comes before the body", async () => {
  const [inHeader, inBody] = [newKey(), newKey()];
  const call = { token: backend, headers: { "Idempotency-Key": inHeader } };
  const body = { type: "note", message: "both", user_id: alice.id, idempotency_key: inBody };
  const first = dataOf(await server.api("POST", "/api/messages/", { ...call, body }));
  const { idempotency_key: _, ...rest } = body;
  const again = dataOf(await server.api("POST", "/api/messages/", { ...call, body: rest }));
  expect(again).toMatchObject({ message_id: first.message_id, duplicate: true });
  const other = dataOf(await server.api("POST", "/api/messages/", { token: backend, body }));
  expect(other).toMatchObject({ duplicate: false });
});

test("keys of two callers do not meet: a user, another, a device, services, an admin", async () => {
  const bob = await person(server);
  const key = newKey();
  const [way = ""] = Object.keys(ways);
  const callers: readonly (readonly [token: string, target: Person])[] = [
    [alice.token, alice],
    [bob.token, bob],
    [device.token, alice],
    [backend, alice],
    [await service(server), alice],
    [server.adminToken, alice],
  ];
  const answers = [];
  for (const [token, { id }] of callers) answers.push(dataOf(await send(way, key, { user_id: id }, token)));
  expect(answers.every(({ duplicate }) => !duplicate)).toBe(true);
  expect(new Set(answers.map(({ message_id }) => message_id)).size).toBe(callers.length);
});

test("a key goes with who calls, not with the token", async () => {
  const key = newKey();
  const [way = ""] = Object.keys(ways);
  const { token } = await server.data<{ token: string }>("POST", "/api/tokens/", { user_id: alice.id });
  const first = dataOf(await send(way, key, {}, alice.token));
  expect(dataOf(await send(way, key, {}, token))).toMatchObject({ message_id: first.message_id, duplicate: true });
});

test("a push that was refused used no key", async () => {
  const key = newKey();
  const [way = ""] = Object.keys(ways);
  expectFailure(await send(way, key, { user_id: 999_999 }), 404, "NOT_FOUND");
  expectFailure(await send(way, key, { type: "ack" }), 422, "RESERVED_TYPE");
  expect(dataOf(await send(way, key))).toMatchObject({ duplicate: false });
});

test("ttl 0 with a key is said once", async () => {
  const key = newKey();
  const [way = ""] = Object.keys(ways);
  using socket = await TestSocket.open(server.wsUrl, { token: alice.token, query: { role: "app" } });
  const answers = (await Promise.all(range(1, 10).map(() => send(way, key, { ttl: 0 })))).map(dataOf);
  expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
  expect(new Set(answers.map(({ message_id, seq }) => `${message_id} ${seq}`)).size).toBe(1);
  expect(answers[0]?.seq as unknown).toBeNull();
  expect(await take(socket, 1)).toMatchObject([{ message_id: answers[0]?.message_id }]);
  expect(await quiet(socket)).toEqual([]);
});

test("a key is 1 to 255 characters", async () => {
  const body = { type: "note", message: "x", user_id: alice.id };
  const withKey = (idempotency_key: unknown) =>
    server.api("POST", "/api/messages/", { token: backend, body: { ...body, idempotency_key } });
  for (const key of [7, "k".repeat(256), [], {}]) expectFailure(await withKey(key), 422, "INVALID_VALUE");
  dataOf(await withKey("k".repeat(255)));
  const headers = { "Idempotency-Key": "k".repeat(256) };
  const answer = await server.api("POST", "/api/messages/", { token: backend, headers, body });
  expectFailure(answer, 422, "INVALID_VALUE");
});
