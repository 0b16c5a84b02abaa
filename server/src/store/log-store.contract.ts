import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cursorContract } from "./log-cursors.contract.ts";
import { retentionContract } from "./log-retention.contract.ts";
import type { Idempotency, LogStore, NewMessage } from "./log-store.ts";
import {
  acceptMany,
  acceptOne,
  aMessage,
  DAY_MS,
  HOUR_MS,
  type LogKind,
  type LogUnderTest,
  START,
  save,
  seqs,
} from "./testing/log-under-test.ts";

/** What every log owes its callers: the promises of `LogStore`, one by one. */
export function logStoreContract(kind: LogKind): void {
  describe(`${kind.name} as a message log`, () => {
    let subject: LogUnderTest;
    let log: LogStore;
    beforeEach(async () => {
      subject = await kind.open();
      log = subject.log;
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    describe("accept", () => {
      test("gives seq from 1, in order, to each user's messages", async () => {
        const outcomes = await log.accept([1, 2, 1, 1, 2].map((userId) => aMessage({ userId })));
        expect(outcomes).toEqual([1, 1, 2, 3, 2].map((seq) => ({ kind: "accepted", seq })));
        expect(await acceptOne(log)).toEqual({ kind: "accepted", seq: 4 });
      });

      test("what was taken is there for everybody when the promise resolves", async () => {
        const message = aMessage({ head: '{"type":"note","message":"é😀\\u0000"', bytes: 36, expiresAt: START + 5 });
        await log.accept([message]);
        for (const seen of [log, subject.reopen()]) {
          expect(await seen.position(1)).toMatchObject({ top: 1, epochBase: 0 });
          const { messageId, head, bytes, expiresAt, type, createdAt } = message;
          expect(await seen.read(1, 0, 10)).toEqual([{ seq: 1, messageId, deviceId: null, head, bytes, expiresAt }]);
          expect(await seen.idAt(1, 1)).toBe(messageId);
          const found = { userId: 1, seq: 1, messageId, type, deviceId: null, createdAt, expiresAt, consumers: [] };
          expect(await seen.find(messageId)).toEqual(found);
        }
      });

      test("accepts that were asked for together share one gapless order", async () => {
        const batches = Array.from({ length: 20 }, (_, size) =>
          Array.from({ length: (size % 4) + 1 }, () => aMessage()),
        );
        const outcomes = (await Promise.all(batches.map((batch) => log.accept(batch)))).flat();
        const taken = outcomes.map((outcome) => (outcome.kind === "accepted" ? outcome.seq : null));
        expect(taken).toEqual(taken.map((_, index) => index + 1));
        const stored = await log.read(1, 0, 100);
        expect(stored.map(({ messageId }) => messageId)).toEqual(batches.flat().map(({ messageId }) => messageId));
      });

      test("what is refused leaves no gap and takes nobody with it", async () => {
        const idempotency = key("k", "first");
        const outcomes = await log.accept([
          aMessage({ idempotency }),
          aMessage({ idempotency: key("k", "other") }),
          aMessage({ deviceId: 11 }),
          aMessage({ userId: 99 }),
          aMessage(),
        ]);
        expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "conflict", "not-bound", "no-user", "accepted"]);
        expect(await seqs(log)).toEqual([1, 2]);
        expect(await log.position(1)).toMatchObject({ top: 2 });
      });

      test("takes a device's message only while the device is that user's", async () => {
        const kindOf = async (message: Partial<NewMessage>) => (await acceptOne(log, message)).kind;
        expect(await kindOf({ deviceId: 11 })).toBe("not-bound");
        await subject.bind(11, 1);
        expect(await kindOf({ deviceId: 11 })).toBe("accepted");
        expect(await kindOf({ deviceId: 11, userId: 2 })).toBe("not-bound");
        expect(await kindOf({ deviceId: 99 })).toBe("not-bound");
        await subject.bind(11, 2);
        expect(await kindOf({ deviceId: 11 })).toBe("not-bound");
        await subject.bind(11, null);
        expect(await kindOf({ deviceId: 11, userId: 2 })).toBe("not-bound");
        expect((await log.read(1, 0, 10)).map(({ deviceId }) => deviceId)).toEqual([11]);
      });

      test("keeps nothing of an ephemeral message", async () => {
        expect(await acceptOne(log, { ephemeral: true })).toEqual({ kind: "accepted", seq: null });
        expect(await log.position(1)).toMatchObject({ top: 0 });
        expect(await seqs(log)).toEqual([]);
      });
    });

    describe("an idempotency key", () => {
      test("makes one message: in one batch, at once, later, and for who opens the log again", async () => {
        const idempotency = key("k", "body");
        const first = aMessage({ idempotency });
        const again = () => aMessage({ idempotency, createdAt: START + 1 });
        const duplicate = { kind: "duplicate", seq: 1, messageId: first.messageId, createdAt: START };
        expect(await log.accept([first, again()])).toEqual([{ kind: "accepted", seq: 1 }, duplicate] as never);
        const together = await Promise.all([log.accept([again()]), log.accept([again()])]);
        expect(together.flat()).toEqual([duplicate, duplicate] as never);
        expect(await seqs(subject.reopen())).toEqual([1]);
      });

      test("that is asked for at once makes one message", async () => {
        const asked = Array.from({ length: 5 }, () => aMessage({ idempotency: key("k", "body") }));
        const outcomes = (await Promise.all(asked.map((message) => log.accept([message])))).flat();
        expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", ...Array(4).fill("duplicate")]);
        expect(await seqs(log)).toEqual([1]);
      });

      test("with another request is a conflict, and of another caller is another key", async () => {
        await acceptOne(log, { idempotency: key("k", "body") });
        expect((await acceptOne(log, { idempotency: key("k", "other") })).kind).toBe("conflict");
        expect((await acceptOne(log, { idempotency: key("k2", "other") })).kind).toBe("accepted");
        expect((await acceptOne(log, { idempotency: key("k", "body", "user:2") })).kind).toBe("accepted");
        // Nor do a caller and a key that read the same when put together.
        expect((await acceptOne(log, { idempotency: key("b c", "body", "a") })).kind).toBe("accepted");
        expect((await acceptOne(log, { idempotency: key("c", "body", "a b") })).kind).toBe("accepted");
      });

      test("holds for an ephemeral message too", async () => {
        const message = aMessage({ ephemeral: true, idempotency: key("k", "body") });
        expect(await log.accept([message])).toEqual([{ kind: "accepted", seq: null }]);
        const { messageId, createdAt } = message;
        const again = await acceptOne(log, { ephemeral: true, idempotency: key("k", "body") });
        expect(again).toEqual({ kind: "duplicate", seq: null, messageId, createdAt });
      });

      test("is not used up by a message that was refused", async () => {
        const message = { deviceId: 11, idempotency: key("k", "body") };
        expect((await acceptOne(log, message)).kind).toBe("not-bound");
        await subject.bind(11, 1);
        expect((await acceptOne(log, message)).kind).toBe("accepted");
      });
    });

    describe("reading", () => {
      test("goes on after a seq, at most so many, also what has expired", async () => {
        await acceptMany(log, 5, { expiresAt: START - 1 });
        const found = async (after: number, limit: number) => (await log.read(1, after, limit)).map(({ seq }) => seq);
        expect(await found(0, 3)).toEqual([1, 2, 3]);
        expect(await found(3, 3)).toEqual([4, 5]);
        expect(await found(5, 3)).toEqual([]);
        expect(await log.idAt(1, 6)).toBeUndefined();
        expect(await log.find("nothing")).toBeUndefined();
      });

      test("a user without messages stands at 0, in the epoch that the first message will have", async () => {
        const before = await log.position(1);
        expect(before).toMatchObject({ top: 0, epochBase: 0 });
        await acceptMany(log, 1);
        expect(await log.position(1)).toEqual({ ...before, top: 1 });
      });

      test("tells the tops of many streams at once", async () => {
        await acceptMany(log, 3);
        await acceptMany(log, 2, { userId: 3 });
        const tops = await log.tops([1, 2, 3, 99]);
        expect([1, 2, 3, 99].map((userId) => tops.get(userId) ?? 0)).toEqual([3, 0, 2, 0]);
      });

      test("tells of news after whatever was taken, by whomever", async () => {
        await log.hasNews();
        await acceptMany(log, 1);
        expect(await log.hasNews()).toBe(true);
        const other = subject.reopen();
        await other.hasNews();
        await acceptMany(log, 1);
        expect(await other.hasNews()).toBe(true);
      });

      test("finds a message with how far its user's consumers have come", async () => {
        const [first] = await acceptMany(log, 2);
        await save(log, "user:1", { acked: 1, sent: 2 });
        await save(log, "app:1:phone", { acked: 2 });
        await acceptMany(log, 1, { userId: 2 });
        await save(log, "user:2", { userId: 2, acked: 1 });
        const found = await log.find(first?.messageId ?? "");
        expect(found?.consumers.toSorted((a, b) => a.consumer.localeCompare(b.consumer))).toEqual([
          { consumer: "app:1:phone", acked: 2, sent: 2, dead: false },
          { consumer: "user:1", acked: 1, sent: 2, dead: false },
        ]);
      });
    });
  });

  quotaContract(kind);
  cursorContract(kind);
  retentionContract(kind);
}

function quotaContract(kind: LogKind): void {
  describe(`the quota of ${kind.name}`, () => {
    let subject: LogUnderTest;
    let log: LogStore;
    beforeEach(async () => {
      subject = await kind.open({ messages: 3, bytes: 1_000 });
      log = subject.log;
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    const isTaken = async (message: Partial<NewMessage> = {}) => (await acceptOne(log, message)).kind === "accepted";

    test("refuses the message past the count, before anything of it is kept", async () => {
      const outcomes = await log.accept([1, 2, 3, 4].map((n) => aMessage({ idempotency: key(`k${n}`, "body") })));
      expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "accepted", "over-quota"]);
      expect(await seqs(log)).toEqual([1, 2, 3]);
      await save(log, "user:1", { acked: 1 });
      expect(await acceptOne(log, { idempotency: key("k4", "body") })).toEqual({ kind: "accepted", seq: 4 });
    });

    test("refuses what goes past the bytes; what still fits is taken", async () => {
      expect(await isTaken({ bytes: 600 })).toBe(true);
      expect(await isTaken({ bytes: 401 })).toBe(false);
      expect(await isTaken({ bytes: 400 })).toBe(true);
      expect(await isTaken({ bytes: 1 })).toBe(false);
      await save(log, "user:1", { acked: 1 });
      expect(await isTaken({ bytes: 601 })).toBe(false);
      expect(await isTaken({ bytes: 600 })).toBe(true);
    });

    test("is each user's own, and does not count what is kept nowhere", async () => {
      await acceptMany(log, 3);
      expect(await isTaken({ ephemeral: true })).toBe(true);
      expect(await isTaken({ userId: 2 })).toBe(true);
      expect(await isTaken()).toBe(false);
    });

    test("is freed by what anybody acknowledged, once for all", async () => {
      await acceptMany(log, 3);
      await save(log, "app:1:phone", { acked: 2 });
      await save(log, "user:1", { acked: 1 });
      expect([await isTaken(), await isTaken(), await isTaken()]).toEqual([true, true, false]);
      // The app is forgotten: what it acknowledged stays acknowledged.
      subject.clock.advance(DAY_MS);
      const rules = { settledMs: HOUR_MS, appUnseenMs: HOUR_MS, idempotencyMs: DAY_MS, batch: 100 };
      await log.retain({ ...rules, now: START + 2 * HOUR_MS });
      expect(await isTaken()).toBe(false);
    });

    test("is freed by what expires, at its expiry", async () => {
      await acceptMany(log, 3, { expiresAt: START + 1_000, bytes: 300 });
      expect(await isTaken({ createdAt: START + 999 })).toBe(false);
      expect(await isTaken({ createdAt: START + 1_000, bytes: 1_000 })).toBe(true);
    });

    test("is not freed by a consumer that only begins", async () => {
      await acceptMany(log, 3);
      const { acked, sent } = await log.createCursorAtTop({ userId: 1, consumer: "app:1:new" });
      expect(acked).toBe(3);
      expect(await isTaken()).toBe(false);
      await save(log, "app:1:new", { acked, sent, lastSeen: START + 1 });
      expect(await isTaken()).toBe(false);
    });

    test("is not freed by a device that is another's by now", async () => {
      await subject.bind(11, 1);
      await acceptMany(log, 3);
      await subject.bind(11, 2);
      await save(log, "device:11", { acked: 3 });
      expect(await isTaken()).toBe(false);
    });
  });
}

function key(name: string, fingerprint: string, caller = "user:1"): Idempotency {
  return { caller, key: name, fingerprint };
}
