import { expect, test } from "bun:test";
import { startPostgres } from "./postgres-server.ts";
import { startRedis } from "./redis-server.ts";

test("a PostgreSQL server comes up, keeps what it was told over a kill, and is gone when it is disposed of", async () => {
  let url: string;
  {
    await using postgres = await startPostgres();
    url = await postgres.createDatabase();
    await postgres.run(url, "CREATE TABLE t AS SELECT 42 AS n");
    await postgres.service.stop("SIGQUIT");
    await postgres.service.start();
    const copy = await postgres.restore(url);
    expect([...(await postgres.run(copy, "SELECT n FROM t"))]).toEqual([{ n: 42 }]);
  }
  expect(
    await Bun.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port), socket: { data() {} } }).catch(
      () => "gone",
    ),
  ).toBe("gone" as never);
});

test("a Redis server comes up, and forgets what it was told when it is killed", async () => {
  await using redis = await startRedis();
  await redis.run("SET", "key", "value");
  expect(await redis.run("GET", "key")).toBe("value");
  await redis.service.stop();
  await redis.service.start();
  expect(await redis.run("GET", "key")).toBeNull();
});
