import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  type Person,
  type RedisServer,
  SilentProxy,
  startRedis,
  startTestGateway,
  type TestGateway,
} from "@qy-lty/testkit";

let redis: RedisServer;
let gateway: TestGateway;
let anna: Person;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(async () => {
  await redis.run("FLUSHALL");
  gateway = await startTestGateway({ environment: { LTY_REDIS_URL: redis.url, LTY_RATE_LIMIT_MESSAGES: "0" } });
  anna = await gateway.person();
});
afterEach(() => gateway[Symbol.asyncDispose]());

const entry = (message: unknown, userId: unknown = anna.id) =>
  JSON.stringify({ user_id: userId, message, timestamp: "2026-01-01T00:00:00" });
const note = (n: number) => ({ type: "note", message: n });
const push = (...entries: string[]) => redis.run("LPUSH", "device_messages", ...entries);

test("what a producer of the original pushes arrives, in its order, and nothing of it stays in Redis", async () => {
  const socket = await gateway.enter(anna.token);
  for (let n = 1; n <= 100; n++) await push(entry(note(n), n % 2 === 0 ? String(anna.id) : anna.id));
  for (let n = 1; n <= 100; n++) expect(await socket.nextOfType("note")).toMatchObject({ message: n });
  while (((await redis.run("KEYS", "device_messages:processing:*")) as string[]).length > 0);
  expect(await redis.run("LLEN", "device_messages")).toBe(0);
});

test("what is no entry goes to a list of its own, and nobody waits behind it", async () => {
  const socket = await gateway.enter(anna.token);
  const bad = ["", "{", "[]", entry("text"), entry(note(1), 0), entry(note(1), 99), entry({ type: "pong" })];
  for (const text of bad) await push(text);
  await push(entry(note(2)));
  expect(await socket.nextOfType("note")).toMatchObject({ message: 2 });
  while ((await redis.run("LLEN", "device_messages:dead")) !== bad.length);
  expect(((await redis.run("LRANGE", "device_messages:dead", "0", "-1")) as string[]).reverse()).toEqual(bad);
});

test("what a node held that died is taken by another, before what came later", async () => {
  const socket = await gateway.enter(anna.token);
  await redis.run("LPUSH", "device_messages:processing:dead", entry(note(1)), entry(note(2)));
  await redis.run("SADD", "device_messages:nodes", "dead");
  for (let n = 1; n <= 2; n++) expect(await socket.nextOfType("note")).toMatchObject({ message: n });
});

test("what is pushed while its connections are silent is taken over others", async () => {
  await using proxy = await SilentProxy.start(redis.service.port);
  const environment = { LTY_REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
  await gateway[Symbol.asyncDispose]();
  gateway = await startTestGateway({ environment });
  anna = await gateway.person();
  const socket = await gateway.enter(anna.token);
  await push(entry(note(1)));
  expect(await socket.nextOfType("note")).toMatchObject({ message: 1 });
  proxy.silenceAll();
  await push(entry(note(2)));
  expect(await socket.nextOfType("note")).toMatchObject({ message: 2 });
});

test("counts and clears with the queue", async () => {
  const token = await gateway.token({ service: "backend" });
  const admin = await gateway.person({ isAdmin: true });
  await gateway.http("DELETE", "/api/queue/", { token: admin.token });
  expect((await gateway.http("GET", "/api/queue/", { token })).body.data).toEqual({ size: 0 });
});
