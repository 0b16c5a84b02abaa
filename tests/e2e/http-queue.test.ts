import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Call } from "./support/client.ts";
import { expectFailure, expectSuccess, timestamp } from "./support/expect.ts";
import { companion, type Person, person, service } from "./support/people.ts";
import { TestServer } from "./support/server.ts";
import { type Frame, TestSocket } from "./support/socket.ts";

let server: TestServer;
let alice: Person;
let backend: string;

beforeAll(async () => {
  server = await TestServer.start();
  alice = await person(server);
  backend = await service(server);
});
afterAll(() => server[Symbol.asyncDispose]());

const QUEUE = "/api/queue/";
const enqueue = (user: { readonly id: number }, message: unknown, call: Call = {}) =>
  server.api("POST", QUEUE, { token: backend, body: { user_id: user.id, message }, ...call });
const size = async () => (expectSuccess(await server.api("GET", QUEUE, { token: backend })) as { size: number }).size;

async function next(socket: TestSocket, count: number): Promise<Frame[]> {
  const frames: Frame[] = [];
  while (frames.length < count) frames.push(await socket.next());
  return frames;
}

describe("a queued frame", () => {
  test("reaches its user whole, with the server's timestamp and message_id", async () => {
    const user = await person(server);
    using socket = await TestSocket.open(server.wsUrl, user);
    const frame = { type: "note", message: { text: "晚饭好了" }, priority: 1, sender: "厨房", tags: ["a"] };
    const data = expectSuccess(await enqueue(user, { ...frame, timestamp: "yesterday", message_id: "mine" }));
    expect(data).toEqual({ size: expect.any(Number) });
    const came = await socket.next();
    expect(came).toEqual({ ...frame, message_id: expect.stringMatching(/^[0-9a-f-]{36}$/), timestamp } as never);
  });

  test("is of the type system where it names none, and need not say anything", async () => {
    const user = await person(server);
    using socket = await TestSocket.open(server.wsUrl, user);
    expectSuccess(await enqueue(user, { message: "hi" }));
    expectSuccess(await enqueue(user, {}));
    const [said, silent] = await next(socket, 2);
    expect(said).toMatchObject({ type: "system", message: "hi" });
    expect(silent).toEqual({ type: "system", message_id: expect.any(String), timestamp } as never);
  });

  test("comes in order, to each user its own, and waits for who is not there", async () => {
    const [one, other] = await Promise.all([person(server), person(server)]);
    for (let n = 1; n <= 20; n++) {
      expectSuccess(await enqueue(one, { type: "note", message: n }));
      expectSuccess(await enqueue(other, { type: "note", message: -n }));
    }
    using ones = await TestSocket.open(server.wsUrl, one);
    using others = await TestSocket.open(server.wsUrl, other);
    expect((await next(ones, 20)).map(({ message }) => message)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect((await next(others, 20)).map(({ message }) => message)).toEqual(
      Array.from({ length: 20 }, (_, n) => -n - 1),
    );
  });

  test("reaches a user's devices too", async () => {
    const user = await person(server);
    using socket = await TestSocket.open(server.wsUrl, await companion(server, user));
    expectSuccess(await enqueue(user, { type: "note", message: "for all" }));
    expect(await socket.next()).toMatchObject({ type: "note", message: "for all" });
  });

  test("may be enqueued by an admin", async () => {
    expectSuccess(await enqueue(alice, { message: "hi" }, { token: server.adminToken }));
  });
});

describe("with an idempotency key", () => {
  const headers = { "idempotency-key": "order-1" };

  test("50 times at once it is queued once, and answered the same; also after a restart", async () => {
    await using own = await TestServer.start();
    const [user, token] = [await person(own), await service(own)];
    const ask = () =>
      own.api("POST", QUEUE, {
        token,
        headers,
        body: { user_id: user.id, message: { type: "note", message: "once" } },
      });
    const answers = await Promise.all(Array.from({ length: 50 }, ask));
    const said = answers.map((answer) => JSON.stringify(expectSuccess(answer)));
    expect(new Set(said).size).toBe(1);
    await own.restart("SIGKILL");
    expect(JSON.stringify(expectSuccess(await ask()))).toBe(said[0] ?? "");
    using socket = await TestSocket.open(own.wsUrl, user);
    expect(await socket.next()).toMatchObject({ message: "once" });
    expectSuccess(await own.api("POST", QUEUE, { token, body: { user_id: user.id, message: { message: "next" } } }));
    expect(await socket.next()).toMatchObject({ message: "next" });
  });

  test("in the body too; of another frame or user it is 409 CONFLICT, of another caller a key of its own", async () => {
    const [user, other] = await Promise.all([person(server), person(server)]);
    const ask = (user_id: number, message: string, call: Call = {}) =>
      server.api("POST", QUEUE, {
        token: backend,
        body: { user_id, message: { message }, idempotency_key: "body-key" },
        ...call,
      });
    expectSuccess(await ask(user.id, "a"));
    expectFailure(await ask(user.id, "b"), 409, "CONFLICT");
    expectFailure(await ask(other.id, "a"), 409, "CONFLICT");
    expectSuccess(await ask(other.id, "a", { token: server.adminToken }));
    expectFailure(
      await enqueue(user, { message: "a" }, { headers: { "idempotency-key": "k".repeat(256) } }),
      422,
      "INVALID_VALUE",
    );
  });
});

describe("is refused:", () => {
  for (const message of [undefined, null, ""]) {
    test(`400 MISSING_PARAMETER where the frame is ${JSON.stringify(message)}`, async () =>
      expectFailure(await enqueue(alice, message), 400, "MISSING_PARAMETER"));
  }

  for (const message of [7, true, "hi", [], [{ type: "note" }]]) {
    test(`422 INVALID_VALUE where the frame is ${JSON.stringify(message)}`, async () =>
      expectFailure(await enqueue(alice, message), 422, "INVALID_VALUE"));
  }

  for (const type of [7, null, "", [], {}, "t".repeat(65)]) {
    test(`422 INVALID_VALUE where its type is ${JSON.stringify(type)}`, async () =>
      expectFailure(await enqueue(alice, { type, message: "hi" }), 422, "INVALID_VALUE"));
  }

  test("422 RESERVED_TYPE where its type is the server's", async () => {
    for (const type of ["connection_status", "error", "pong", "auth", "ack", "skip", "reset", "bye"]) {
      expectFailure(await enqueue(alice, { type, message: "hi" }), 422, "RESERVED_TYPE");
    }
  });

  test("404 NOT_FOUND where there is no such user", async () =>
    expectFailure(await enqueue({ id: 999_999 }, { message: "hi" }), 404, "NOT_FOUND"));

  test("403 FORBIDDEN to people and devices, also for themselves", async () => {
    for (const { token } of [alice, await companion(server, alice)]) {
      expectFailure(await enqueue(alice, { message: "hi" }, { token }), 403, "FORBIDDEN");
      expectFailure(await server.api("GET", QUEUE, { token }), 403, "FORBIDDEN");
      expectFailure(await server.api("DELETE", QUEUE, { token }), 403, "FORBIDDEN");
    }
    expectFailure(await server.api("DELETE", QUEUE, { token: backend }), 403, "FORBIDDEN");
  });
});

test("DELETE empties the queue", async () => {
  expect(expectSuccess(await server.api("DELETE", QUEUE))).toEqual({ size: 0 });
  expect(await size()).toBe(0);
});
