import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ErrorCode, GatewayError } from "@qy-lty/protocol";
import { CapturedLog } from "../../../testkit/src/captured-log.ts";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { Events } from "../observe/events.ts";
import { createLogger } from "../observe/log.ts";
import { DEFAULT_QUOTA } from "../store/log-store.ts";
import { SqliteQueue } from "../store/sqlite-queue.ts";
import { InlineWriter } from "../store/sqlite-writer.ts";
import { SqliteFile } from "../store/testing/sqlite-file.ts";
import type { Delivery, Push, Receipt } from "./delivery.ts";
import { MessageQueue } from "./message-queue.ts";
import { settle } from "./testing/workbench.ts";

/** A door that notes what goes through it: `1:a` is the message `a` to user 1. */
class FakeDelivery implements Delivery {
  readonly said: string[] = [];
  readonly keys: string[] = [];
  readonly pushes: Push[] = [];
  /** What pushing to a user ends in. */
  readonly failing = new Map<number, unknown>();
  /** Pushes wait here while it is there. */
  gate: Promise<void> | undefined;

  async toUser(userId: number, push: Push): Promise<Receipt> {
    await this.gate;
    const error = this.failing.get(userId);
    if (error !== undefined) throw error;
    this.said.push(`${userId}:${push.message}`);
    this.keys.push(`${push.idempotency?.caller} ${push.idempotency?.key}`);
    this.pushes.push(push);
    return { messageId: "m", seq: 1, timestamp: "", online: false, duplicate: false };
  }

  toDevice(): Receipt {
    throw new Error("the queue is for users");
  }

  broadcast(): number {
    throw new Error("the queue is for users");
  }
}

describe("the queue's worker", () => {
  let file: SqliteFile;
  let store: SqliteQueue;
  let clock: ManualClock;
  let log: CapturedLog;
  let delivery: FakeDelivery;
  let queue: MessageQueue;
  beforeEach(async () => {
    file = await SqliteFile.make();
    clock = new ManualClock();
    log = new CapturedLog();
    delivery = new FakeDelivery();
    const database = file.connect();
    store = new SqliteQueue(database, new InlineWriter(database, DEFAULT_QUOTA), clock);
    queue = open();
  });
  afterEach(async () => {
    await queue.stop();
    expect(clock.timers).toBe(0);
    file[Symbol.dispose]();
  });

  const open = () =>
    new MessageQueue({ store, delivery, clock, events: new Events(createLogger("trace", false, log)) });
  const ask = (userId: number, message: string) => queue.enqueue(userId, { type: "note", message });
  const waiting = () => store.sizes().waiting;
  const fails = (userId: number, code: ErrorCode) => delivery.failing.set(userId, new GatewayError(code));

  test("pushes what is enqueued at once, and what was there before the start", async () => {
    await ask(1, "a");
    expect(delivery.said).toEqual([]);
    queue.start();
    await ask(2, "b");
    await settle();
    expect(delivery.said).toEqual(["1:a", "2:b"]);
    await ask(1, "c");
    await settle();
    expect(delivery.said).toEqual(["1:a", "2:b", "1:c"]);
    expect(waiting()).toBe(0);
  });

  test("names each push by its entry, so that it happens once", async () => {
    await Promise.all([ask(1, "a"), ask(1, "b")]);
    const ids = store.next(0, 9).map(({ id }) => `queue ${id}`);
    queue.start();
    await settle();
    expect(delivery.keys).toEqual(ids);
  });

  test("takes a whole frame along", async () => {
    queue.start();
    await queue.enqueue(1, { type: "note", message: "a", sender: "ada", priority: 1 });
    await settle();
    expect(delivery.pushes[0]).toMatchObject({ type: "note", message: "a", sender: "ada", extra: { priority: 1 } });
  });

  test("keeps each user's order over many batches", async () => {
    const asked = Array.from({ length: 300 }, (_, n) => [(n % 3) + 1, `m${n}`] as const);
    await Promise.all(asked.map(([userId, message]) => ask(userId, message)));
    queue.start();
    await settle();
    while (waiting() > 0) await settle();
    for (const user of [1, 2, 3]) {
      const wanted = asked.filter(([userId]) => userId === user).map(([, message]) => `${user}:${message}`);
      expect(delivery.said.filter((one) => one.startsWith(`${user}:`))).toEqual(wanted);
    }
  });

  for (const code of ["QUOTA_EXCEEDED", "UNAVAILABLE"] as const) {
    test(`a user whose push ends in ${code} waits, longer each time, and keeps nobody else waiting`, async () => {
      fails(1, code);
      queue.start();
      await Promise.all([ask(1, "a"), ask(2, "b"), ask(1, "c"), ask(2, "d")]);
      await settle();
      expect(delivery.said).toEqual(["2:b", "2:d"]);
      await ask(1, "e");
      await settle();
      for (const delayMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        expect([clock.timers, waiting()]).toEqual([1, 3]);
        clock.advance(delayMs - 1);
        await settle();
        expect(clock.timers).toBe(1);
        clock.advance(1);
        await settle();
      }
      delivery.failing.clear();
      await ask(1, "f");
      clock.advance(30_000);
      await settle();
      expect(delivery.said.slice(2)).toEqual(["1:a", "1:c", "1:e", "1:f"]);
      expect([clock.timers, waiting(), log.saying("queued messages wait: pushing to this user fails").length]).toEqual([
        0, 0, 1,
      ]);
      await ask(1, "g");
      await settle();
      expect(delivery.said.at(-1)).toBe("1:g");
    });
  }

  test("a user with more behind it than one batch catches up in order", async () => {
    fails(1, "QUOTA_EXCEEDED");
    const messages = Array.from({ length: 200 }, (_, n) => `m${n}`);
    queue.start();
    await Promise.all(messages.map((message) => ask(1, message)));
    await settle();
    delivery.failing.clear();
    clock.advance(1_000);
    while (waiting() > 0) await settle();
    expect(delivery.said).toEqual(messages.map((message) => `1:${message}`));
  });

  test("what can never be pushed is set aside, and what comes behind it goes on", async () => {
    const frames = ["{", "[]", '{"type":"pong"}', '{"type":7}', '{"message":"good"}'];
    await store.enqueue(frames.map((frame) => ({ userId: 1, frame, createdAt: 0, idempotency: null })));
    fails(2, "NOT_FOUND");
    delivery.failing.set(3, new Error("a bug"));
    await Promise.all([ask(2, "b"), ask(3, "c")]);
    queue.start();
    await settle();
    expect(delivery.said).toEqual(["1:good"]);
    expect(await queue.sizes()).toEqual({ waiting: 0, setAside: 6 });
    const reasons = log.lines
      .filter(({ msg }) => msg.startsWith("queued message set aside"))
      .map((line) => line.reason);
    expect(reasons.toSorted()).toEqual([
      "bad type",
      "internal error",
      "not JSON",
      "not an object",
      "reserved type",
      "user erased",
    ]);
    expect(log.errors).toHaveLength(1);
  });

  test("what was cleared is not pushed, but for what is under way", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    delivery.gate = promise;
    queue.start();
    await Promise.all([ask(1, "a"), ask(1, "b")]);
    await settle();
    await queue.clear();
    resolve();
    await settle();
    expect([delivery.said, await queue.sizes()]).toEqual([["1:a"], { waiting: 0, setAside: 0 }]);
    await ask(1, "c");
    await settle();
    expect(delivery.said).toEqual(["1:a", "1:c"]);
  });

  test("stops after the push under way; what waits is pushed after the next start", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    delivery.gate = promise;
    queue.start();
    await Promise.all([ask(1, "a"), ask(1, "b")]);
    await settle();
    const stopped = queue.stop();
    await settle();
    resolve();
    await stopped;
    expect([delivery.said, waiting()]).toEqual([["1:a"], 1]);
    await ask(1, "c");
    await settle();
    expect(delivery.said).toEqual(["1:a"]);
    queue = open();
    queue.start();
    await settle();
    expect(delivery.said).toEqual(["1:a", "1:b", "1:c"]);
  });

  test("an entry whose removal fails is removed later; it may be pushed again, under its key", async () => {
    const remove = store.remove.bind(store);
    store.remove = () => Promise.reject(new Error("disk full"));
    queue.start();
    await ask(1, "a");
    await settle();
    expect([delivery.said, waiting(), log.errors.length]).toEqual([["1:a"], 1, 1]);
    store.remove = remove;
    clock.advance(1_000);
    await settle();
    expect([delivery.said, waiting()]).toEqual([["1:a"], 0]);
  });

  test("refuses who is not there, and says how many wait", async () => {
    expect([await ask(1, "a"), await ask(2, "b")]).toEqual([1, 2]);
    const refused = await ask(99, "c").catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "NOT_FOUND" });
  });

  test("what is enqueued in one turn is one transaction", async () => {
    const sizes: number[] = [];
    const enqueue = store.enqueue.bind(store);
    store.enqueue = (entries) => {
      sizes.push(entries.length);
      return enqueue(entries);
    };
    await Promise.all(Array.from({ length: 100 }, (_, n) => ask(1, `m${n}`)));
    expect(sizes).toEqual([64, 36]);
  });
});
