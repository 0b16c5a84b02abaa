import { beforeEach, describe, expect, test } from "bun:test";
import type { CursorUpdate } from "../store/log-store.ts";
import { Consumer } from "./consumer.ts";
import { Consumers } from "./consumers.ts";
import { settle, Workbench } from "./testing/workbench.ts";

const KEY = { consumer: "user:1", userId: 1 };

describe("consumers", () => {
  let bench: Workbench;
  let consumers: Consumers;
  /** The names in each transaction of cursors. */
  let writes: string[][];
  let epoch: string;
  beforeEach(async () => {
    bench = new Workbench();
    await bench.take(1_000);
    ({ consumers } = bench);
    epoch = bench.memory.position(1).epoch;
    writes = [];
    const save = bench.memory.saveCursors.bind(bench.memory);
    bench.memory.saveCursors = (updates: readonly CursorUpdate[]) => {
      writes.push(updates.map(({ consumer }) => consumer));
      return save(updates);
    };
  });

  const meet = (consumer: string, acked = 0): Consumer =>
    consumers.adopt({ consumer, userId: 1, epoch, acked, sent: acked, attempts: 0 });
  const saved = (consumer = KEY.consumer) => bench.memory.cursor({ consumer, userId: 1 });

  /** One that has handled everything up to `seq`, by its own word. */
  const handle = (consumer: Consumer, seq: number) => {
    const { acked } = consumer;
    const participant = { acked };
    consumer.join(participant);
    participant.acked = seq;
    consumers.advance(consumer, acked, participant);
    expect(consumer.acked).toBe(seq);
    return participant;
  };

  test("are written every 200 ms, those that moved and no others", async () => {
    handle(meet("user:1"), 3);
    handle(meet("app:1:phone"), 5);
    meet("device:11");
    bench.clock.advance(199);
    await settle();
    expect(writes).toEqual([]);
    bench.clock.advance(1);
    await settle();
    expect(writes).toEqual([["user:1", "app:1:phone"]]);
    bench.clock.advance(1_000);
    await settle();
    expect(writes.length).toBe(1);
    expect([saved()?.acked, saved("app:1:phone")?.acked]).toEqual([3, 5]);
  });

  test("that were just met are written some at a time, all of them when that is asked for", async () => {
    for (let n = 0; n < 100; n++) consumers.meet(meet(`app:1:${n}`));
    bench.clock.advance(400);
    await settle();
    expect(writes.map(({ length }) => length)).toEqual([32, 32]);
    await consumers.flush();
    expect(writes.map(({ length }) => length)).toEqual([32, 32, 36]);
  });

  test("are written with when they were last connected, in at most 512 a transaction", async () => {
    for (let n = 0; n < 1_100; n++) consumers.touch(meet(`app:1:${n}`));
    bench.clock.advance(60_000);
    await consumers.flush();
    expect(writes.map(({ length }) => length)).toEqual([512, 512, 76]);
    // Seen at the minute: not unseen for a minute.
    const rules = { settledMs: 1e9, appUnseenMs: 60_000, idempotencyMs: 1e9, batch: 10_000 };
    expect(await bench.memory.retain({ ...rules, now: bench.clock.now() })).toMatchObject({ cursors: 0 });
  });

  test("of apps that stay connected are written down as seen, and of nobody else", async () => {
    const [app, idle, user] = [meet("app:1:phone"), meet("app:1:idle"), meet("user:1")];
    for (const consumer of [app, user]) consumer.join({ acked: 0 });
    for (const consumer of [app, idle, user]) consumers.touch(consumer);
    await consumers.flush();
    writes.length = 0;
    bench.clock.advance(59_999);
    await consumers.keepSeen(60_000);
    expect(writes).toEqual([]);
    bench.clock.advance(1);
    await consumers.keepSeen(60_000);
    await consumers.keepSeen(60_000);
    expect(writes).toEqual([["app:1:phone"]]);
    const rules = { settledMs: 1e9, appUnseenMs: 59_999, idempotencyMs: 1e9, batch: 10 };
    await bench.memory.retain({ ...rules, now: bench.clock.now() });
    expect([saved("app:1:phone")?.acked, saved("app:1:idle")]).toEqual([0, undefined]);
  });

  test("that pass over a long stretch look up no more than is remembered", () => {
    const looked: number[] = [];
    bench.trace.acknowledged = (_user, seq) => void looked.push(seq);
    handle(meet("user:1"), 1_000_000);
    expect([looked.length, looked[0], looked.at(-1)]).toEqual([10_000, 990_001, 1_000_000]);
  });

  test("that could not be written are written the next time, with what they say by then", async () => {
    const consumer = meet("user:1");
    const participant = handle(consumer, 3);
    bench.log.failNext(new Error("disk full"));
    await consumers.flush();
    expect([bench.errors, saved()]).toEqual([[new Error("disk full")], undefined]);
    consumer.leave(participant);
    handle(consumer, 4);
    await consumers.flush();
    expect(saved()?.acked).toBe(4);
  });

  test("that move while they are being written are written again", async () => {
    const consumer = meet("user:1");
    const participant = handle(consumer, 3);
    bench.log.hold();
    const flushing = consumers.flush();
    consumer.leave(participant);
    handle(consumer, 7);
    await bench.log.release();
    await flushing;
    expect(saved()?.acked).toBe(3);
    await consumers.flush();
    expect(saved()?.acked).toBe(7);
  });

  test("a flush says whether all of it was written", async () => {
    handle(meet("user:1"), 3);
    bench.log.failNext(new Error("disk full"));
    expect(await consumers.flush()).toBe(false);
    expect(await consumers.flush()).toBe(true);
    expect(await consumers.flush()).toBe(true);
  });

  test("a flush that is asked for during another waits for what moved since", async () => {
    handle(meet("user:1"), 3);
    bench.log.hold();
    void consumers.flush();
    handle(meet("app:1:phone"), 5);
    const second = consumers.flush();
    await bench.log.release();
    await second;
    expect(saved("app:1:phone")?.acked).toBe(5);
  });

  test("are forgotten once nobody is connected and their cursor is written, and not before", async () => {
    const consumer = meet("user:1");
    const participant = handle(consumer, 3);
    await consumers.flush();
    expect(consumers.known(KEY)).toBe(consumer);
    consumers.release(consumer, participant);
    bench.log.failNext(new Error("disk full"));
    await consumers.flush();
    expect(consumers.known(KEY)).toBe(consumer);
    await consumers.flush();
    expect(consumers.known(KEY)).toBeUndefined();
  });

  test("are not forgotten when somebody came back meanwhile, or something is left to write", async () => {
    const consumer = meet("user:1");
    consumers.release(consumer, handle(consumer, 3));
    bench.log.hold();
    const flushing = consumers.flush();
    const participant = handle(consumer, 4);
    await bench.log.release();
    await flushing;
    expect(consumers.known(KEY)).toBe(consumer);
    consumer.leave(participant);
    bench.log.hold();
    consumers.touch(consumer);
    const again = consumers.flush();
    consumers.touch(consumer);
    await bench.log.release();
    await again;
    expect(consumers.known(KEY)).toBe(consumer);
  });

  test("of one name are one, unless its epoch is over", () => {
    const consumer = meet("user:1", 3);
    expect(meet("user:1", 5)).toBe(consumer);
    expect(consumer.acked).toBe(3);
    epoch = "another";
    const later = meet("user:1", 5);
    expect(later).not.toBe(consumer);
    expect([later.acked, consumers.known(KEY)]).toEqual([5, later]);
    consumers.forget(consumer);
    expect(consumers.known(KEY)).toBe(later);
    consumers.forget(later);
    expect(consumers.known(KEY)).toBeUndefined();
  });

  test("are not known where another node began an epoch, but where the log's word is of one that was left here", () => {
    const consumer = meet("user:1", 3);
    const cursor = { ...KEY, acked: 3, sent: 3, attempts: 0 };
    consumers.moveEpoch(1, epoch, { epoch: "here", top: 3, epochBase: 3 });
    expect(consumers.known(KEY, { ...cursor, epoch })).toBe(consumer);
    expect(consumers.known(KEY, { ...cursor, epoch: "there" })).toBeUndefined();
  });

  test("that are kept stay one, also where they had been written and forgotten", async () => {
    const consumer = meet("user:1");
    consumers.touch(consumer);
    await consumers.flush();
    expect(consumers.known(KEY)).toBeUndefined();
    expect(consumers.keep(consumer)).toBe(consumer);
    expect(consumers.known(KEY)).toBe(consumer);
    const namesake = new Consumer({ ...KEY, epoch, acked: 0, sent: 0, attempts: 0 });
    expect(consumers.keep(namesake)).toBe(consumer);
    // It is to be written, so that it stays until somebody has joined.
    bench.log.hold();
    const flushing = consumers.flush();
    consumers.keep(consumer);
    await bench.log.release();
    await flushing;
    expect(consumers.known(KEY)).toBe(consumer);
  });

  test("fall back to where somebody starts who takes over what was left elsewhere, and stay there until they joined", () => {
    const consumer = meet("user:1");
    const one = handle(consumer, 8);
    consumer.fallBack(9);
    expect(consumer.acked).toBe(8);
    consumer.fallBack(5);
    const acknowledge = (participant: { acked: number }, seq: number) => {
      const before = participant.acked;
      participant.acked = seq;
      consumers.advance(consumer, before, participant);
      return consumer.acked;
    };
    expect(acknowledge(one, 9)).toBe(5);
    const heir = { acked: consumer.acked };
    consumer.join(heir);
    expect(acknowledge(one, 10)).toBe(5);
    expect([acknowledge(heir, 6), acknowledge(heir, 20)]).toEqual([6, 10]);
  });

  test("hold nothing more for who left once somebody has started elsewhere", () => {
    const consumer = meet("user:1");
    const [behind, ahead] = [{ acked: 0 }, { acked: 0 }];
    for (const participant of [behind, ahead]) consumer.join(participant);
    consumer.leave(behind);
    ahead.acked = 4;
    consumers.advance(consumer, 0, ahead);
    expect(consumer.acked).toBe(0);
    consumer.letGo();
    ahead.acked = 5;
    consumers.advance(consumer, 4, ahead);
    expect(consumer.acked).toBe(5);
  });

  test("go along into a new epoch: theirs, of that stream and that epoch", async () => {
    const [mine, app] = [meet("user:1", 3), meet("app:1:phone", 5)];
    const other = consumers.adopt({ consumer: "user:2", userId: 2, epoch, acked: 1, sent: 1, attempts: 0 });
    const position = await bench.memory.beginEpoch(1, epoch);
    consumers.moveEpoch(1, epoch, position);
    expect([mine, app].map(({ epoch, acked, sent }) => [epoch, acked, sent])).toEqual([
      [position.epoch, 3, 1_000],
      [position.epoch, 5, 1_000],
    ]);
    expect([other.epoch, other.sent]).toEqual([epoch, 1]);
    consumers.moveEpoch(1, epoch, { epoch: "third", top: 9_999, epochBase: 0 });
    expect(mine.epoch).toBe(position.epoch);
    await consumers.flush();
    expect(saved()).toMatchObject({ epoch: position.epoch, acked: 3, sent: 1_000 });
  });

  test("leave no timer behind", () => {
    const before = bench.clock.timers;
    const made = new Consumers(bench.log, bench.clock, bench.trace, () => {});
    expect(bench.clock.timers).toBe(before + 1);
    made.stop();
    expect(bench.clock.timers).toBe(before);
  });
});
