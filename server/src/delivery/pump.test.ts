import { beforeEach, describe, expect, test } from "bun:test";
import { START } from "../store/testing/log-under-test.ts";
import { range, settle, WAYS, Workbench } from "./testing/workbench.ts";
import { MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES } from "./window.ts";

const DEVICE = "device:11";

describe.each(WAYS)("a pump on a log that answers %s", (_, answersLater) => {
  let bench: Workbench;
  beforeEach(() => {
    bench = new Workbench(answersLater);
  });

  describe("order", () => {
    test("sends what the log has from the cursor on, then what is offered", async () => {
      await bench.take(3);
      const connection = await bench.connect(DEVICE);
      expect(connection.said).toEqual(range(1, 3));
      await bench.take(2);
      connection.pump.offer(bench.at(4));
      connection.pump.offer(bench.at(5));
      await settle();
      expect(connection.said).toEqual(range(1, 5));
    });

    test("a long log comes whole and in order as it is acknowledged", async () => {
      await bench.take(200);
      const connection = await bench.connect(DEVICE);
      for (let seq = 1; seq <= 200; seq++) {
        connection.pump.acknowledge(seq);
        await settle();
      }
      expect(connection.said).toEqual(range(1, 200));
      expect(await bench.saved(DEVICE)).toBe(200);
    });

    test("hints may come doubled, in any order, or for what has long been sent", async () => {
      const connection = await bench.connect(DEVICE);
      await bench.take(5);
      for (const seq of [3, 1, 5, 1, 2, 5, 4]) {
        connection.pump.offer(bench.at(seq));
        await settle();
      }
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(range(1, 5));
    });

    test("a hint that never came costs nothing once anybody asks for more", async () => {
      const connection = await bench.connect(DEVICE);
      await bench.take(3);
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(range(1, 3));
      await bench.take(3);
      connection.pump.offer(bench.at(6));
      await settle();
      expect(connection.said).toEqual(range(1, 6));
    });

    test("nothing is sent twice on one connection, however often it is asked for", async () => {
      await bench.take(5);
      const connection = await bench.connect(DEVICE);
      for (let seq = 1; seq <= 5; seq++) {
        connection.pump.offer(bench.at(seq));
        connection.pump.fill();
        connection.pump.acknowledge(seq - 1);
        await settle();
      }
      expect(connection.said).toEqual(range(1, 5));
    });

    test("says nothing more once it is closed", async () => {
      const connection = await bench.connect(DEVICE);
      await bench.take(2);
      connection.pump.offer(bench.at(1));
      await settle();
      connection.pump.close();
      connection.pump.offer(bench.at(2));
      connection.pump.fill();
      connection.pump.acknowledge(1);
      await settle();
      expect(connection.said).toEqual(["1"]);
      expect(await bench.saved(DEVICE)).toBe(0);
    });
  });

  describe("the window", () => {
    test(`holds ${MAX_IN_FLIGHT} messages; each acknowledgement makes room`, async () => {
      await bench.take(70);
      const connection = await bench.connect(DEVICE);
      expect(connection.said).toEqual(range(1, 64));
      connection.pump.offer(bench.at(65));
      await settle();
      expect(connection.said.length).toBe(64);
      connection.pump.acknowledge(2);
      await settle();
      expect(connection.said).toEqual(range(1, 66));
      connection.pump.acknowledge(66);
      await settle();
      expect(connection.said).toEqual(range(1, 70));
    });

    test("holds 256 KiB: a message that would pass it waits", async () => {
      await bench.take(10, { bytes: MAX_IN_FLIGHT_BYTES / 2 - 1 });
      const connection = await bench.connect(DEVICE);
      expect(connection.said).toEqual(range(1, 2));
      connection.pump.acknowledge(1);
      await settle();
      expect(connection.said).toEqual(range(1, 3));
      connection.pump.acknowledge(3);
      await settle();
      expect(connection.said).toEqual(range(1, 5));
    });

    test("room for bytes is there again for what came between", async () => {
      await bench.take(1, { bytes: MAX_IN_FLIGHT_BYTES });
      const connection = await bench.connect(DEVICE);
      await bench.take(1);
      connection.pump.offer(bench.at(2));
      await settle();
      expect(connection.said).toEqual(["1"]);
      connection.pump.acknowledge(1);
      await settle();
      expect(connection.said).toEqual(["1", "2"]);
    });
  });

  describe("a socket that is full", () => {
    test("is sent nothing until it has drained, and then everything", async () => {
      await bench.take(5);
      const connection = bench.pumpTo((await bench.attach(DEVICE)).consumer);
      connection.congested = true;
      connection.pump.fill();
      await settle();
      connection.pump.offer(bench.at(1));
      await settle();
      expect(connection.said).toEqual([]);
      connection.congested = false;
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(range(1, 5));
    });

    test("that fills up in the middle of what was read stops there and goes on there", async () => {
      await bench.take(5);
      const connection = bench.pumpTo((await bench.attach(DEVICE)).consumer);
      const push = connection.push.bind(connection);
      connection.push = (frame) => {
        push(frame);
        connection.congested = connection.said.length % 2 === 0;
      };
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(["1", "2"]);
      connection.congested = false;
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(range(1, 4));
    });
  });

  describe("passing over", () => {
    test("what is for another device is filtered; this one's and everybody's is not", async () => {
      for (const deviceId of [12, 11, null, 12]) await bench.take(1, { deviceId });
      const device = await bench.connect(DEVICE);
      expect(device.said).toEqual(["skip 1 filtered", "2", "3", "skip 4 filtered"]);
      const inbox = await bench.connect("user:1");
      expect(inbox.said).toEqual(["skip 1 filtered", "skip 2 filtered", "3", "skip 4 filtered"]);
    });

    test("what has expired is said to have, whether it is still held or not", async () => {
      await bench.take(3, { expiresAt: START + 1_000 });
      await bench.take(1);
      await bench.take(1, { expiresAt: START + 5_000 });
      await bench.take(1);
      await bench.memory.retain({
        now: START + 1_000,
        settledMs: 1e9,
        appUnseenMs: 1e9,
        idempotencyMs: 1e9,
        batch: 100,
      });
      bench.clock.advance(5_000);
      const connection = await bench.connect(DEVICE);
      expect(connection.said).toEqual(["skip 3 expired", "4", "skip 5 expired", "6"]);
    });

    test("what expires at this very millisecond has expired", async () => {
      await bench.take(1, { expiresAt: START + 1_000 });
      await bench.take(1, { expiresAt: START + 1_001 });
      bench.clock.advance(1_000);
      expect((await bench.connect(DEVICE)).said).toEqual(["skip 1 expired", "2"]);
    });

    test("a log that holds nothing up to its top is passed over whole, once", async () => {
      await bench.take(5, { expiresAt: START + 1_000 });
      await bench.memory.retain({
        now: START + 1_000,
        settledMs: 1e9,
        appUnseenMs: 1e9,
        idempotencyMs: 1e9,
        batch: 100,
      });
      const connection = await bench.connect(DEVICE);
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(["skip 5 expired"]);
      expect(await bench.saved(DEVICE)).toBe(5);
      await bench.take(1);
      connection.pump.offer(bench.at(6));
      await settle();
      expect(connection.said).toEqual(["skip 5 expired", "6"]);
    });

    test("what expired while it waited in the window's way is passed over when its turn comes", async () => {
      await bench.take(1, { bytes: MAX_IN_FLIGHT_BYTES });
      await bench.take(1, { expiresAt: START + 1_000 });
      const connection = await bench.connect(DEVICE);
      bench.clock.advance(1_000);
      connection.pump.acknowledge(1);
      await settle();
      expect(connection.said).toEqual(["1", "skip 2 expired"]);
    });

    test("moves the cursor at once where nothing before it is under way", async () => {
      await bench.take(3, { deviceId: 12 });
      await bench.connect(DEVICE);
      expect(await bench.saved(DEVICE)).toBe(3);
    });

    test("moves the cursor with the acknowledgement of what is before it, and not earlier", async () => {
      for (const deviceId of [null, 12, 12, null, 12]) await bench.take(1, { deviceId });
      const connection = await bench.connect(DEVICE);
      expect(await bench.saved(DEVICE)).toBe(0);
      connection.pump.acknowledge(1);
      expect(await bench.saved(DEVICE)).toBe(3);
      connection.pump.acknowledge(4);
      expect(await bench.saved(DEVICE)).toBe(5);
    });

    test("what is large needs no room to be passed over", async () => {
      await bench.take(1, { bytes: MAX_IN_FLIGHT_BYTES - 1 });
      await bench.take(1, { bytes: MAX_IN_FLIGHT_BYTES, deviceId: 12 });
      await bench.take(1, { bytes: 1 });
      const connection = await bench.connect(DEVICE);
      expect(connection.said).toEqual(["1", "skip 2 filtered", "3"]);
    });

    test("takes no room: a message behind any number of them is sent", async () => {
      await bench.take(1);
      await bench.take(300, { deviceId: 12 });
      await bench.take(1);
      const connection = await bench.connect(DEVICE);
      expect(connection.said.at(-1)).toBe("302");
    });
  });

  describe("again", () => {
    test("what was not acknowledged comes again on the next connection, marked, and the rest is not", async () => {
      await bench.take(4);
      const first = await bench.connect(DEVICE);
      first.pump.acknowledge(2);
      first.pump.close();
      await bench.take(1);
      expect((await bench.connect(DEVICE)).said).toEqual(["3 again", "4 again", "5"]);
    });

    test("also after a restart", async () => {
      await bench.take(4);
      const first = await bench.connect(DEVICE);
      first.pump.acknowledge(1);
      first.pump.close();
      await bench.restart();
      await bench.take(1);
      expect((await bench.connect(DEVICE)).said).toEqual(["2 again", "3 again", "4 again", "5"]);
    });

    test("what was sent is known on disk within 200 ms", async () => {
      await bench.take(2);
      await bench.connect(DEVICE);
      bench.clock.advance(200);
      await settle();
      expect(bench.memory.cursor({ userId: 1, consumer: DEVICE })).toMatchObject({ acked: 0, sent: 2 });
    });
  });

  describe("a log that cannot be read", () => {
    test("is read again at the next occasion", async () => {
      await bench.take(3);
      const { consumer } = await bench.attach(DEVICE);
      const connection = bench.pumpTo(consumer);
      const { read } = bench.memory;
      bench.memory.read = () => {
        throw new Error("the disk is gone");
      };
      connection.pump.fill();
      await settle();
      expect(bench.errors).toEqual([new Error("the disk is gone")]);
      bench.memory.read = read;
      connection.pump.fill();
      await settle();
      expect(connection.said).toEqual(range(1, 3));
    });
  });
});

describe("a pump whose log is slow", () => {
  const cases = [0, 3].flatMap((waiting) => [true, false].map((isTold) => [waiting, isTold] as const));
  test.each(cases)(
    "misses nothing of what is accepted at any step of its reading, behind %i",
    async (waiting, isTold) => {
      for (let step = 0; step < 12; step++) {
        const bench = new Workbench(true);
        await bench.take(waiting);
        const connection = bench.pumpTo((await bench.attach(DEVICE)).consumer);
        bench.log.hold();
        connection.pump.fill();
        for (let done = 0; done < step; done++) {
          if (done % 2 === 0) await bench.log.perform();
          else bench.log.answer();
          await settle();
        }
        await bench.take(1);
        // It is told at once, and doubly, or not before the reading is through.
        const offer = () => connection.pump.offer(bench.at(waiting + 1));
        for (let times = 0; isTold && times < 2; times++) offer();
        await settle();
        await bench.log.release();
        await settle();
        if (!isTold) offer();
        await settle();
        expect([step, ...connection.said]).toEqual([step, ...range(1, waiting + 1)]);
      }
    },
  );

  test("asks once however many hints come meanwhile", async () => {
    const bench = new Workbench(true);
    await bench.take(3);
    const connection = bench.pumpTo((await bench.attach(DEVICE)).consumer);
    bench.log.hold();
    for (let hints = 0; hints < 50; hints++) connection.pump.fill();
    expect(bench.log.waiting).toBe(1);
    await bench.log.release();
  });

  test("that is closed meanwhile sends nothing", async () => {
    const bench = new Workbench(true);
    await bench.take(3);
    const connection = bench.pumpTo((await bench.attach(DEVICE)).consumer);
    bench.log.hold();
    connection.pump.fill();
    connection.pump.close();
    await bench.log.release();
    await settle();
    expect(connection.said).toEqual([]);
  });
});
