import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type RedisServer, SilentProxy, startRedis } from "@qy-lty/testkit";
import { SystemClock } from "../platform/clock.ts";
import { brokerContract, Ear, frameFor } from "./broker.contract.ts";
import { RedisBroker } from "./redis.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

let namespaces = 0;
const join = (namespace = "test") => new RedisBroker({ url: redis.url, namespace, clock: new SystemClock() });

brokerContract("RedisBroker", async () => {
  const namespace = `contract-${++namespaces}`;
  return { join: () => join(namespace), [Symbol.asyncDispose]: async () => {} };
});

/** Nodes that are up. */
async function nodes(...namespaces: string[]): Promise<Ear[]> {
  const ears = namespaces.map((namespace) => new Ear(join(namespace)));
  for (const ear of ears) while (!ear.broker.isUp) await ear.changes.next();
  return ears;
}

describe("Redis", () => {
  test("keeps apart the nodes of different databases", async () => {
    const [a, b, c] = (await nodes("one", "one", "two")) as [Ear, Ear, Ear];
    await a.follow(1);
    c.broker.say(frameFor(1, "of another database"));
    b.broker.say(frameFor(1, "ours"));
    expect(await a.heard.next()).toEqual(frameFor(1, "ours"));
    await Promise.all([a, b, c].map(({ broker }) => broker.stop()));
  });

  test("what is no notice is not heard", async () => {
    const [a, b] = (await nodes("x", "x")) as [Ear, Ear];
    await a.follow(1);
    for (const text of ["", "{", "[]", '{"from":"me","notice":{"kind":"message","userId":1}}']) {
      for (const publish of ["PUBLISH", "SPUBLISH"]) await redis.run(publish, "lty:x:user:1", text);
    }
    b.broker.say(frameFor(1));
    expect(await a.heard.next()).toEqual(frameFor(1));
    await Promise.all([a, b].map(({ broker }) => broker.stop()));
  });

  /** Both notice, and come back; from then on they hear one another again. */
  async function survives(break_: () => Promise<unknown>): Promise<void> {
    const [a, b] = (await nodes("y", "y")) as [Ear, Ear];
    for (const userId of [1, 2, 3]) await a.follow(userId);
    await break_();
    for (const { changes } of [a, b]) {
      expect(await changes.nextWhere((isUp) => !isUp)).toBe(false);
      expect(await changes.nextWhere((isUp) => isUp)).toBe(true);
    }
    expect(await a.followed.nextWhere((userIds) => userIds === null)).toBeNull();
    for (const userId of [3, 1, 2]) {
      b.broker.say(frameFor(userId, "again"));
      expect(await a.heard.next()).toEqual(frameFor(userId, "again"));
    }
    await a.follow(4);
    b.broker.say(frameFor(4));
    expect(await a.heard.next()).toEqual(frameFor(4));
    await Promise.all([a, b].map(({ broker }) => broker.stop()));
  }

  test("connections that are killed come back, and hear again what they heard before", async () => {
    for (let round = 0; round < 3; round++) {
      // All in one command: who is back after one kill when another comes is down twice.
      await survives(() => redis.run("CLIENT", "KILL", "USER", "default", "SKIPME", "yes"));
    }
  });

  test("a server that is killed and started again too", async () => {
    await survives(async () => {
      await redis.service.stop();
      await redis.service.start();
    });
  });

  test("a server that swallows everything is noticed", async () => {
    await survives(async () => {
      redis.service.signal("SIGSTOP");
      setTimeout(() => redis.service.signal("SIGCONT"), 4_000);
    });
  });

  test("a server that takes connections and says nothing on them is asked again on others", async () => {
    await using proxy = await SilentProxy.start(redis.service.port);
    proxy.silenceNext(2);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const ear = new Ear(new RedisBroker({ url, namespace: "w", clock: new SystemClock() }));
    expect(await ear.changes.nextWhere((isUp) => isUp)).toBe(true);
    await ear.broker.stop();
  });

  test("a server that is not there is waited for, and nothing is kept for it", async () => {
    const ear = new Ear(new RedisBroker({ url: "redis://127.0.0.1:1", namespace: "z", clock: new SystemClock() }));
    ear.broker.follow(1);
    ear.broker.say(frameFor(1));
    expect(ear.broker.isUp).toBe(false);
    await ear.broker.stop();
  });
});
