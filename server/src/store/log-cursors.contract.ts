import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type LogStore, MAX_APPS } from "./log-store.ts";
import {
  acceptMany,
  acceptOne,
  ackedBy,
  type LogKind,
  type LogUnderTest,
  START,
  save,
} from "./testing/log-under-test.ts";

const APP = { userId: 1, consumer: "app:1:phone" };

/** What a log promises about cursors, bindings and epochs. */
export function cursorContract(kind: LogKind): void {
  describe(`cursors of ${kind.name}`, () => {
    let subject: LogUnderTest;
    let log: LogStore;
    beforeEach(async () => {
      subject = await kind.open();
      log = subject.log;
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    test("are there for everybody once they were saved, and each consumer's own", async () => {
      await acceptMany(log, 5);
      await acceptMany(log, 5, { userId: 2 });
      await save(log, "user:1", { acked: 3, sent: 4, attempts: 2 });
      const { epoch } = await log.position(1);
      for (const seen of [log, subject.reopen()]) {
        const cursor = await seen.cursor({ userId: 1, consumer: "user:1" });
        expect(cursor).toMatchObject({ userId: 1, consumer: "user:1", epoch, acked: 3, sent: 4, attempts: 2 });
        expect(await ackedBy(seen, "user:1", 2)).toBeNull();
        expect(await ackedBy(seen, "app:1:phone")).toBeNull();
      }
    });

    test("never go back, nor past the top", async () => {
      await acceptMany(log, 5);
      await save(log, "user:1", { acked: 3, sent: 4, attempts: 2 });
      await save(log, "user:1", { acked: 2, sent: 2, attempts: 4 });
      // Attempts belong to where the cursor stands.
      expect(await log.cursor({ userId: 1, consumer: "user:1" })).toMatchObject({ acked: 3, sent: 4, attempts: 2 });
      await save(log, "user:1", { acked: 3, sent: 4, attempts: 3 });
      expect(await log.cursor({ userId: 1, consumer: "user:1" })).toMatchObject({ acked: 3, sent: 4, attempts: 3 });
      await save(log, "user:1", { acked: 1_000 });
      expect(await ackedBy(log, "user:1")).toBe(5);
      await save(log, "app:1:phone", { acked: 1_000 });
      expect(await ackedBy(log, "app:1:phone")).toBe(5);
      // What comes next was acknowledged by nobody.
      await acceptMany(log, 1);
      expect(await ackedBy(log, "user:1")).toBe(5);
    });

    test("of another epoch are left alone, and take nobody with them", async () => {
      await acceptMany(log, 5);
      const { epoch } = await log.position(1);
      const update = { userId: 1, acked: 4, sent: 5, attempts: 0, lastSeen: START };
      const movedOn = await log.saveCursors([
        { ...update, consumer: "user:1", epoch: "another" },
        { ...update, consumer: "app:1:phone", epoch },
      ]);
      expect(movedOn).toEqual([1]);
      expect(await log.saveCursors([{ ...update, consumer: "app:1:phone", epoch }])).toEqual([]);
      expect([await ackedBy(log, "user:1"), await ackedBy(log, "app:1:phone")]).toEqual([null, 4]);
    });

    test("of many streams are saved at once", async () => {
      await acceptMany(log, 2);
      await acceptMany(log, 2, { userId: 2 });
      const updates = [1, 2].map(async (userId) => {
        const { epoch } = await log.position(userId);
        return { consumer: `user:${userId}`, userId, epoch, acked: userId, sent: 2, attempts: 0, lastSeen: START };
      });
      await log.saveCursors(await Promise.all(updates));
      expect([await ackedBy(log, "user:1"), await ackedBy(log, "user:2", 2)]).toEqual([1, 2]);
    });

    describe("of apps", () => {
      test("begin at the top, also before the first message, and once", async () => {
        const { epoch } = await log.position(1);
        expect(await log.createCursorAtTop(APP)).toMatchObject({ ...APP, epoch, acked: 0, sent: 0, attempts: 0 });
        await acceptMany(log, 3);
        const tablet = { userId: 1, consumer: "app:1:tablet" };
        expect(await log.createCursorAtTop(tablet)).toMatchObject({ ...tablet, epoch, acked: 3, sent: 3, attempts: 0 });
        expect(await log.createCursorAtTop(APP)).toMatchObject({ acked: 0 });
        expect(await ackedBy(subject.reopen(), "app:1:tablet")).toBe(3);
      });

      const app = (n: number) => `app:1:${String(n).padStart(2, "0")}`;
      const left = async () => {
        const known = Array.from({ length: MAX_APPS + 2 }, (_, n) => n);
        const cursors = await Promise.all(known.map((n) => ackedBy(log, app(n))));
        return known.filter((n) => cursors[n] !== null);
      };

      test(`are at most ${MAX_APPS}: the longest unseen goes`, async () => {
        for (let n = 0; n < MAX_APPS; n++) {
          await log.createCursorAtTop({ userId: 1, consumer: app(n) });
          subject.clock.advance(1_000);
        }
        await save(log, app(0), { lastSeen: subject.clock.now() });
        // Who was seen does not become unseen.
        await save(log, app(0), { lastSeen: START });
        await save(log, "user:1", { lastSeen: START });
        await log.createCursorAtTop({ userId: 2, consumer: "app:2:phone" });
        expect((await left()).length).toBe(MAX_APPS);
        await log.createCursorAtTop({ userId: 1, consumer: app(MAX_APPS) });
        expect(await left()).not.toContain(1);
        expect((await left()).length).toBe(MAX_APPS);
        expect([await ackedBy(log, "user:1"), await ackedBy(log, "app:2:phone", 2)]).toEqual([0, 0]);
      });

      test("are not dropped when they have only just begun, whatever the clock says", async () => {
        for (let n = 0; n < MAX_APPS; n++) await log.createCursorAtTop({ userId: 1, consumer: app(n) });
        subject.clock.stepWall(-3_600_000);
        const cursor = await log.createCursorAtTop({ userId: 1, consumer: app(MAX_APPS) });
        expect(cursor).toMatchObject({ consumer: app(MAX_APPS), acked: 0 });
        expect(await left()).toContain(MAX_APPS);
        expect((await left()).length).toBe(MAX_APPS);
      });
    });

    describe("of devices", () => {
      test("begin before the first message where the device was bound by then", async () => {
        await subject.bind(11, 1);
        await acceptMany(log, 2);
        expect(await ackedBy(log, "device:11")).toBe(0);
      });

      test("begin at the top where there were messages before, and end with the binding", async () => {
        await acceptMany(log, 2);
        await acceptMany(log, 3, { userId: 2 });
        await subject.bind(11, 1);
        await acceptMany(log, 1);
        expect(await log.cursor({ userId: 1, consumer: "device:11" })).toMatchObject({
          acked: 2,
          sent: 2,
          attempts: 0,
        });
        await subject.bind(11, 2);
        expect([await ackedBy(log, "device:11"), await ackedBy(log, "device:11", 2)]).toEqual([null, 3]);
        await subject.bind(11, null);
        expect(await ackedBy(log, "device:11", 2)).toBeNull();
        await subject.bind(11, 1);
        expect(await ackedBy(log, "device:11")).toBe(3);
      });

      test("are written for the owner only", async () => {
        await acceptMany(log, 5);
        await acceptMany(log, 5, { userId: 2 });
        await subject.bind(11, 1);
        await subject.bind(12, 2);
        await subject.bind(11, 2);
        await save(log, "device:11", { acked: 5 });
        await save(log, "device:12", { acked: 5 });
        await save(log, "device:12", { userId: 2, acked: 4 });
        expect([await ackedBy(log, "device:11"), await ackedBy(log, "device:12")]).toEqual([null, null]);
        expect([await ackedBy(log, "device:11", 2), await ackedBy(log, "device:12", 2)]).toEqual([5, 5]);
        await subject.bind(11, null);
        await save(log, "device:11", { userId: 2, acked: 5 });
        expect(await ackedBy(log, "device:11", 2)).toBeNull();
      });
    });

    describe("and processes", () => {
      const user = async (from = log) => from.cursor({ userId: 1, consumer: "user:1" });

      test("after one that did not end in order, everybody may have been sent everything", async () => {
        await log.open();
        await acceptMany(log, 5);
        await save(log, "user:1", { acked: 2, sent: 3, attempts: 1 });
        const { epoch } = await log.position(1);
        await log.open();
        expect(await user()).toMatchObject({ epoch, acked: 2, sent: 5, attempts: 1 });
        expect(await log.position(1)).toEqual({ epoch, top: 5, epochBase: 0 });
      });

      test("after one that ended in order, what was sent is what was said to be", async () => {
        await log.open();
        await acceptMany(log, 5);
        await save(log, "user:1", { acked: 2, sent: 3 });
        await log.close();
        await log.open();
        expect(await user()).toMatchObject({ acked: 2, sent: 3 });
      });

      test("in a backup that was restored every stream begins a new epoch, once", async () => {
        await log.open();
        await acceptMany(log, 5);
        await acceptMany(log, 1, { userId: 2 });
        await save(log, "user:1", { acked: 2, sent: 3 });
        const [before, before3] = [await log.position(1), await log.position(3)];
        const restored = await subject.restored();
        await restored.open();
        const after = await restored.position(1);
        expect(after).toMatchObject({ top: 5, epochBase: 5 });
        expect(after.epoch).not.toBe(before.epoch);
        expect(await user(restored)).toMatchObject({ epoch: after.epoch, acked: 2, sent: 5 });
        expect(await restored.position(2)).toMatchObject({ top: 1, epochBase: 1 });
        // Also one that had no message yet: what it had after the backup is lost.
        expect((await restored.position(3)).epoch).not.toBe(before3.epoch);
        await restored.close();
        await restored.open();
        expect(await restored.position(1)).toEqual(after);
        expect(await log.position(1)).toEqual(before);
      });
    });

    test("tell of what was set aside, for the consumer that it was set aside for", async () => {
      const [first, second] = await acceptMany(log, 2);
      for (const consumer of ["user:1", "app:1:phone"]) await save(log, consumer, { acked: 2 });
      await log.setAside(APP, 1);
      await log.setAside(APP, 1);
      await log.setAside(APP, 99);
      const dead = async (messageId = "") => {
        const found = await log.find(messageId);
        return found?.consumers.filter((progress) => progress.dead).map(({ consumer }) => consumer);
      };
      expect([await dead(first?.messageId), await dead(second?.messageId)]).toEqual([["app:1:phone"], []]);
    });

    describe("and epochs", () => {
      test("no two streams ever have the same, so that who goes from one to another is noticed", async () => {
        const epochs = async (of: LogStore) =>
          Promise.all([1, 2, 3].map(async (userId) => (await of.position(userId)).epoch));
        const before = await epochs(log);
        expect(new Set(before).size).toBe(3);
        await acceptMany(log, 1);
        await acceptMany(log, 1, { userId: 2 });
        expect(await epochs(log)).toEqual(before);
        const restored = await subject.restored();
        await restored.open();
        expect(new Set([...before, ...(await epochs(restored))]).size).toBe(6);
      });

      test("a new epoch begins at the top, once for each that is left, and takes the cursors along", async () => {
        await acceptMany(log, 5);
        await save(log, "user:1", { acked: 2, sent: 3, attempts: 1 });
        const { epoch: from } = await log.position(1);
        const [begun, again] = await Promise.all([log.beginEpoch(1, from), log.beginEpoch(1, from)]);
        expect(begun).toMatchObject({ top: 5, epochBase: 5 });
        expect(begun.epoch).not.toBe(from);
        expect(again).toEqual(begun);
        expect(await log.beginEpoch(1, "never was")).toEqual(begun);
        expect(await subject.reopen().position(1)).toEqual(begun);
        const { epoch } = begun;
        expect(await log.cursor({ userId: 1, consumer: "user:1" })).toMatchObject({ epoch, acked: 2, sent: 5 });
        expect(await acceptOne(log)).toEqual({ kind: "accepted", seq: 6 });
        expect(await log.position(1)).toEqual({ ...begun, top: 6 });
      });

      test("what was acknowledged in an epoch that is over moves nothing", async () => {
        await acceptMany(log, 5);
        await save(log, "user:1", { acked: 2 });
        const { epoch: from } = await log.position(1);
        const { epoch } = await log.beginEpoch(1, from);
        await save(log, "user:1", { acked: 4, epoch: from });
        expect(await ackedBy(log, "user:1")).toBe(2);
        await save(log, "user:1", { acked: 3, epoch });
        expect(await ackedBy(log, "user:1")).toBe(3);
      });

      test("also a stream without messages, and no other, begins one", async () => {
        const { epoch } = await log.position(1);
        const other = await log.position(2);
        const begun = await log.beginEpoch(1, epoch);
        expect(begun).toMatchObject({ top: 0, epochBase: 0 });
        expect(begun.epoch).not.toBe(epoch);
        expect(await log.position(1)).toEqual(begun);
        expect(await log.position(2)).toEqual(other);
      });
    });
  });
}
