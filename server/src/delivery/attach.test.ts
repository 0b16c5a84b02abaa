import { beforeEach, describe, expect, test } from "bun:test";
import type { Admission } from "../auth/admission.ts";
import { START } from "../store/testing/log-under-test.ts";
import { consumerOf, type ResumePoint } from "./attach.ts";
import { range, settle, WAYS, Workbench } from "./testing/workbench.ts";

const DEVICE = "device:11";
const APP = "app:1:phone";

describe("consumerOf", () => {
  const admission = (role: Admission["role"], userId: number | null, deviceId: number | null): Admission => ({
    principal: { kind: "user", userId: userId ?? 0, username: "u", isAdmin: false },
    role,
    userId,
    deviceId,
    tokenId: 1,
    expiresAt: null,
  });

  test.each([
    ["a device", admission("device", 7, 3), null, { consumer: "device:3", userId: 7, start: "oldest" }],
    [
      "a device that says a name",
      admission("device", 7, 3),
      "phone",
      { consumer: "device:3", userId: 7, start: "oldest" },
    ],
    ["a device of nobody", admission("device", null, 3), null, null],
    ["an app with a name", admission("app", 7, null), "phone", { consumer: "app:7:phone", userId: 7, start: "top" }],
    ["an app without", admission("app", 7, null), null, null],
    ["a user", admission("user", 7, 3), null, { consumer: "user:7", userId: 7, start: "oldest" }],
    [
      "a user that says a name",
      admission("user", 7, null),
      "phone",
      { consumer: "user:7", userId: 7, start: "oldest" },
    ],
  ])("%s", (_, who, clientId, expected) => {
    expect(consumerOf(who, clientId)).toEqual(expected as never);
  });
});

describe.each(WAYS)("attaching to a log that answers %s", (_, answersLater) => {
  let bench: Workbench;
  beforeEach(() => {
    bench = new Workbench(answersLater);
  });

  const epoch = () => bench.memory.position(1).epoch;
  /** Where a client stands that handled everything up to `seq`. */
  const at = (seq: number): ResumePoint => ({ epoch: epoch(), seq, last: bench.memory.idAt(1, seq) ?? "gone" });

  describe("for the first time", () => {
    test("a device and a user begin at the oldest, and are waited for from then on", async () => {
      await bench.take(3);
      for (const consumer of [DEVICE, "user:1"]) {
        const { consumer: attached, position, resumed, reset } = await bench.attach(consumer);
        expect([attached.acked, attached.sent, resumed, reset]).toEqual([0, 0, false, null]);
        expect(position).toMatchObject({ epoch: epoch(), top: 3 });
        expect(await bench.saved(consumer)).toBe(0);
      }
    });

    test("an app begins at the top, on disk before it is told", async () => {
      await bench.take(3);
      bench.log.hold();
      const attaching = bench.attach(APP);
      let attached = false;
      void attaching.then(() => {
        attached = true;
      });
      await settle();
      expect(attached).toBe(false);
      await bench.log.release();
      const { consumer, resumed, reset } = await attaching;
      expect([consumer.acked, resumed, reset]).toEqual([3, false, null]);
      expect(bench.memory.cursor({ consumer: APP, userId: 1 })).toMatchObject({ acked: 3 });
      await bench.take(1);
      expect((await bench.connect(APP)).said).toEqual(["4"]);
    });

    test("what is accepted while an app is being made known is not missed", async () => {
      await bench.take(3);
      bench.log.hold();
      const connecting = bench.connect(APP);
      while (bench.memory.cursor({ consumer: APP, userId: 1 }) === undefined) {
        await bench.log.step();
        await settle();
      }
      await bench.take(2);
      await bench.log.release();
      const connection = await connecting;
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(["4", "5"]);
    });
  });

  describe("again, with the client's own word", () => {
    test("the cursor moves up to where the client stands", async () => {
      await bench.take(10);
      const { consumer, resumed, reset } = await bench.attach(DEVICE, at(4));
      expect([consumer.acked, resumed, reset]).toEqual([4, true, null]);
      expect(await bench.saved(DEVICE)).toBe(4);
      expect((await bench.connect(DEVICE)).said).toEqual(range(5, 10));
    });

    test("a device that changed hands and came back begins at the top, whatever is known of it from before", async () => {
      await bench.take(3);
      const before = await bench.connect(DEVICE);
      before.pump.acknowledge(1);
      before.pump.close();
      bench.memory.bind(11, 2);
      bench.memory.bind(11, 1);
      expect((await bench.connect(DEVICE)).said).toEqual([]);
      await bench.take(1);
      await bench.consumers.flush();
      expect((await bench.attach(DEVICE)).consumer.acked).toBe(3);
    });

    test("the cursor does not go back to where the client stands", async () => {
      await bench.take(10);
      (await bench.connect(DEVICE)).pump.acknowledge(6);
      await bench.restart();
      const { consumer, resumed, reset } = await bench.attach(DEVICE, at(4));
      expect([consumer.acked, resumed, reset]).toEqual([6, true, null]);
    });

    test("it stays while another connection is that consumer", async () => {
      await bench.take(10);
      const first = await bench.connect("user:1");
      first.pump.acknowledge(2);
      const { consumer, resumed } = await bench.attach("user:1", at(9));
      expect([consumer.acked, resumed]).toEqual([2, true]);
    });

    test("a client that has handled nothing yet gets everything", async () => {
      await bench.take(3);
      const connection = await bench.connect(DEVICE, { epoch: epoch(), seq: 0, last: "" });
      expect(connection.said).toEqual(range(1, 3));
    });

    test("a seq without the id proves nothing", async () => {
      await bench.take(10);
      const before = bench.memory.position(1);
      for (const seq of [4, 10, 11, 1_000_000]) {
        const { consumer, resumed, reset } = await bench.attach(DEVICE, { epoch: epoch(), seq, last: null });
        expect([consumer.acked, resumed, reset]).toEqual([0, false, null]);
      }
      expect(bench.memory.position(1)).toEqual(before);
    });

    test("a message that the log no longer holds proves nothing either", async () => {
      await bench.take(4);
      await bench.take(1, { expiresAt: START + 1_000 });
      const word = at(5);
      await bench.memory.retain({
        now: START + 1_000,
        settledMs: 1e9,
        appUnseenMs: 1e9,
        idempotencyMs: 1e9,
        batch: 10,
      });
      const connection = await bench.connect(DEVICE, word);
      expect(connection.said).toEqual([...range(1, 4), "skip 5 expired"]);
      expect(bench.memory.position(1).epoch).toBe(word.epoch);
    });

    test("a client that is ahead of the log begins a new epoch, and is told what was lost", async () => {
      await bench.take(5);
      const before = epoch();
      const attachment = await bench.attach(DEVICE, { epoch: before, seq: 8, last: "from before" });
      expect(epoch()).not.toBe(before);
      expect(attachment.reset).toEqual({ epoch: epoch(), lost: { from: 6, to: 8 } });
      expect(attachment.resumed).toBe(false);
      expect(attachment.position).toEqual({ epoch: epoch(), top: 5, epochBase: 5 });
      expect(attachment.consumer).toMatchObject({ epoch: epoch(), acked: 0, sent: 5 });
      expect((await bench.connect(DEVICE)).said).toEqual(range(1, 5).map((seq) => `${seq} again`));
    });

    test("a client that the log has overtaken with other messages is told too", async () => {
      await bench.take(5);
      const before = epoch();
      const { reset } = await bench.attach(DEVICE, { epoch: before, seq: 5, last: "another" });
      expect(epoch()).not.toBe(before);
      expect(reset?.epoch).toBe(epoch());
      // The epoch is over for everybody: who comes from it hears of it, and begins no further one.
      const now = epoch();
      const other = await bench.attach("user:1", { epoch: before, seq: 7, last: "theirs" });
      expect(other.reset).toEqual({ epoch: now, lost: { from: 6, to: 7 } });
      expect(epoch()).toBe(now);
      await bench.take(1);
      expect((await bench.attach(DEVICE, at(6))).reset).toBeNull();
    });

    test("acknowledgements go on counting in the new epoch", async () => {
      await bench.take(5);
      const connection = await bench.connect(DEVICE, { epoch: epoch(), seq: 8, last: "from before" });
      connection.pump.acknowledge(5);
      expect(await bench.saved(DEVICE)).toBe(5);
      await bench.restart();
      expect((await bench.attach(DEVICE)).consumer.acked).toBe(5);
    });

    test("those that are connected when the epoch changes go on", async () => {
      await bench.take(5);
      const inbox = await bench.connect("user:1");
      await bench.attach(DEVICE, { epoch: epoch(), seq: 8, last: "from before" });
      inbox.pump.acknowledge(4);
      expect(await bench.saved("user:1")).toBe(4);
    });

    test("an app that was forgotten is told what it missed", async () => {
      await bench.take(3);
      await bench.attach(APP);
      const word = at(3);
      await bench.take(4);
      await bench.restart();
      await bench.memory.retain({ now: START + 1e6, settledMs: 1e9, appUnseenMs: 0, idempotencyMs: 1e9, batch: 10 });
      const { consumer, resumed, reset } = await bench.attach(APP, word);
      expect(reset).toEqual({ epoch: word.epoch, lost: { from: 4, to: 7 } });
      expect([consumer.acked, resumed]).toEqual([7, false]);
    });

    test("an app that was forgotten and missed nothing goes on", async () => {
      await bench.take(3);
      const { consumer, resumed, reset } = await bench.attach(APP, at(3));
      expect([consumer.acked, resumed, reset]).toEqual([3, true, null]);
    });

    test.each([
      ["ahead of", 8],
      ["overtaken to the very same seq by", 5],
      ["overtaken by", 3],
    ])("an app that is not known, and %s a restored log, is told", async (_name, seq) => {
      await bench.take(5);
      const before = epoch();
      const { consumer, resumed, reset } = await bench.attach(APP, { epoch: before, seq, last: "from before" });
      expect(epoch()).not.toBe(before);
      expect(reset?.epoch).toBe(epoch());
      expect([consumer.acked, consumer.epoch, resumed]).toEqual([5, epoch(), false]);
    });
  });
});

describe("attaching while cursors are written", () => {
  test("connections that come at once are one consumer, at whatever step of each other", async () => {
    for (let late = 0; late < 12; late++) {
      const bench = new Workbench(true);
      await bench.take(5);
      const { epoch } = bench.memory.position(1);
      bench.log.hold();
      // Whoever is attached is pumped to at once, as a session does.
      const join = async (resume: ResumePoint | null) => bench.pumpTo((await bench.attach("user:1", resume)).consumer);
      const first = join({ epoch, seq: 1, last: bench.memory.idAt(1, 1) ?? "" });
      for (let step = 0; step < late; step++) {
        await bench.log.step();
        await settle();
        // What is to be written is written as soon as it is known: in between nobody is connected.
        void bench.consumers.flush();
      }
      const second = join(null);
      await bench.log.release();
      const [a, b] = await Promise.all([first, second]);
      for (const { pump } of [a, b]) pump.fill();
      await settle();
      a.pump.acknowledge(5);
      expect([late, await bench.saved("user:1")]).toEqual([late, 1]);
      b.pump.acknowledge(4);
      expect([late, await bench.saved("user:1")]).toEqual([late, 4]);
    }
  });

  test("a log that goes back during that leaves nobody behind in the old epoch", async () => {
    for (let steps = 0; steps < 8; steps++) {
      const bench = new Workbench();
      await bench.take(5);
      const old = await bench.connect("user:1");
      old.pump.acknowledge(1);
      await bench.consumers.flush();
      old.pump.close();
      bench.log.hold();
      void bench.consumers.flush();
      const { epoch } = bench.memory.position(1);
      const attaching = bench.attach("user:1", { epoch, seq: 9, last: "from before" });
      for (let step = 0; step < steps; step++) {
        await bench.log.step();
        await settle();
      }
      await bench.log.release();
      const connection = bench.pumpTo((await attaching).consumer);
      connection.pump.fill();
      connection.pump.acknowledge(3);
      expect([steps, await bench.saved("user:1")]).toEqual([steps, 3]);
    }
  });
});
