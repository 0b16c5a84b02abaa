import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type PostgresServer, SilentProxy, startPostgres } from "@qy-lty/testkit";
import { SystemClock } from "../platform/clock.ts";
import { PostgresStore } from "./postgres.ts";
import { codeOf } from "./store.contract.ts";
import { aMessage, seqs } from "./testing/log-under-test.ts";

let server: PostgresServer;
let url: string;
let store: PostgresStore;
beforeEach(async () => {
  server = await startPostgres();
  url = await server.createDatabase();
  store = await PostgresStore.open(url, new SystemClock());
  await store.log.open();
  await store.users.create({ username: "anna" });
});
afterEach(async () => {
  await store.close();
  await server[Symbol.asyncDispose]();
});

/** Everything that speaks to the database, one of each kind. */
const uses = (): Promise<unknown>[] => [
  store.users.find(1),
  store.devices.create({ name: "speaker", userId: 1 }),
  Promise.resolve(store.credentials.findById(1)),
  store.log.accept([aMessage()]),
  Promise.resolve(store.log.read(1, 0, 10)),
  store.log.createCursorAtTop({ userId: 1, consumer: "app:1:phone" }),
  store.queue.enqueue([{ userId: 1, frame: "{}", createdAt: 0, idempotency: null }]),
  store.check(),
];

describe("a server that goes away", () => {
  test("is UNAVAILABLE to everybody, and used again when it is back", async () => {
    await server.service.stop("SIGQUIT");
    const codes = await Promise.all(uses().map(codeOf));
    // The check says it in its own way.
    expect(codes).toEqual([...Array(codes.length - 1).fill("UNAVAILABLE"), undefined]);
    await expect(store.check()).rejects.toThrow("the database does not answer");
    await server.service.start();
    await Promise.all(uses());
    expect(await seqs(store.log)).toEqual([1]);
  });

  test("every connection cut, in the middle of what it does, breaks no later use", async () => {
    for (let round = 0; round < 5; round++) {
      const under = Array.from({ length: 20 }, () => store.log.accept([aMessage()]).catch(() => undefined));
      await server.cutAll(url);
      await Promise.all(under);
      await Promise.all(uses().map((use) => use.catch(() => undefined)));
      await store.check();
    }
    const stored = await seqs(store.log);
    expect(stored).toEqual(stored.map((_, index) => index + 1));
  });

  test("a commit that was answered is there after the server was killed", async () => {
    const answered: string[] = [];
    const sending = (async () => {
      for (;;) {
        const message = aMessage();
        try {
          await store.log.accept([message]);
        } catch {
          return;
        }
        answered.push(message.messageId);
        if (answered.length === 200) void server.service.stop();
      }
    })();
    await sending;
    await server.service.stop();
    await server.service.start();
    const ids = new Set((await store.log.read(1, 0, 10_000)).map(({ messageId }) => messageId));
    expect(answered.filter((id) => !ids.has(id))).toEqual([]);
  });
});

describe("the feed of changes", () => {
  test("tells of a change by another process without being asked, also after the connection was cut", async () => {
    for (let round = 0; round < 2; round++) {
      const { promise: told, resolve } = Promise.withResolvers<void>();
      store.changes.watch(resolve);
      await server.run(url, `UPDATE "user" SET is_active = 0 WHERE id = 1`);
      await told;
      await server.run(url, `UPDATE "user" SET is_active = 1 WHERE id = 1`);
      const { promise: again, resolve: cameBack } = Promise.withResolvers<void>();
      store.changes.watch(cameBack);
      await server.cutAll(url);
      await again;
    }
  });
});

describe("a connection on which nothing comes any more", () => {
  test("is made again, though nobody says that it broke", async () => {
    await using proxy = await SilentProxy.start(server.service.port);
    const node = await PostgresStore.open(url.replace(/:\d+/, `:${proxy.port}`), new SystemClock());
    await node.log.open();
    const { promise: told, resolve } = Promise.withResolvers<void>();
    proxy.silenceAll();
    // Told too often rather than too seldom: also when it may have missed something.
    node.changes.watch(resolve);
    await told;
    await node.close();
  }, 60_000);
});

describe("a node that dies", () => {
  test("is noticed by who asks for a cursor: everybody may have been sent everything", async () => {
    const script = new URL("./testing/join-and-die.ts", import.meta.url).pathname;
    const died = Bun.spawn([process.execPath, script, url], { stdout: "pipe" });
    await died.exited;
    expect(died.signalCode).toBe("SIGKILL");
    const cursor = () => Promise.resolve(store.log.cursor({ userId: 1, consumer: "user:1" }));
    // The server hears a moment later than we that the process is gone.
    while ((await cursor())?.sent === 2) await new Promise(setImmediate);
    expect(await cursor()).toMatchObject({ acked: 1, sent: 3 });
  });
});
