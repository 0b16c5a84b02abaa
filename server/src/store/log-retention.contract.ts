import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { LogStore, RetentionReport } from "./log-store.ts";
import {
  acceptMany,
  acceptOne,
  ackedBy,
  DAY_MS,
  HOUR_MS,
  type LogKind,
  type LogUnderTest,
  START,
  save,
  seqs,
} from "./testing/log-under-test.ts";

const RULES = { settledMs: HOUR_MS, appUnseenMs: 7 * DAY_MS, idempotencyMs: DAY_MS, batch: 100 };
const YEAR_MS = 365 * DAY_MS;

/** What a log promises about what it deletes. */
export function retentionContract(kind: LogKind): void {
  describe(`retention of ${kind.name}`, () => {
    let subject: LogUnderTest;
    let log: LogStore;
    beforeEach(async () => {
      subject = await kind.open();
      log = subject.log;
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    /** Retains until there is no more to do, at most a few times, `afterMs` after the start. */
    const retain = async (afterMs: number, batch = RULES.batch): Promise<RetentionReport[]> => {
      const reports: RetentionReport[] = [];
      for (let more = true; more && reports.length < 20; more = reports.at(-1)?.more === true) {
        reports.push(await log.retain({ ...RULES, batch, now: START + afterMs }));
      }
      return reports;
    };

    test("deletes a message at its expiry, not before, and nothing else", async () => {
      await acceptMany(log, 1, { expiresAt: START + 5_000 });
      await acceptMany(log, 1, { expiresAt: START + 5_001 });
      await acceptMany(log, 1, { expiresAt: START + 5_000, userId: 2 });
      expect(await retain(4_999)).toEqual([{ messages: 0, cursors: 0, keys: 0, more: false }]);
      expect(await seqs(log)).toEqual([1, 2]);
      expect(await retain(5_000)).toEqual([{ messages: 2, cursors: 0, keys: 0, more: false }]);
      expect([await seqs(log), await seqs(log, 2)]).toEqual([[2], []]);
      expect(await log.idAt(1, 1)).toBeUndefined();
      expect(await log.position(2)).toMatchObject({ top: 1 });
      expect(await acceptOne(log, { userId: 2 })).toEqual({ kind: "accepted", seq: 2 });
    });

    test("deletes what everybody acknowledged an hour after it is seen to be so, and not what came later", async () => {
      await acceptMany(log, 4, { expiresAt: START + YEAR_MS });
      await save(log, "user:1", { acked: 3 });
      await save(log, "app:1:phone", { acked: 2 });
      await retain(0);
      await save(log, "app:1:phone", { acked: 3 });
      await retain(HOUR_MS - 1);
      expect(await seqs(log)).toEqual([1, 2, 3, 4]);
      await retain(HOUR_MS);
      expect(await seqs(log)).toEqual([3, 4]);
      await retain(2 * HOUR_MS - 1);
      expect(await seqs(log)).toEqual([3, 4]);
      await retain(2 * HOUR_MS);
      expect(await seqs(log)).toEqual([4]);
    });

    test("keeps what one consumer has not acknowledged, and all that comes after it", async () => {
      await acceptMany(log, 3, { expiresAt: START + YEAR_MS });
      await save(log, "user:1", { acked: 3 });
      await save(log, "app:1:phone", { acked: 0 });
      for (let hours = 0; hours < 5; hours++) await retain(hours * HOUR_MS);
      expect(await seqs(log)).toEqual([1, 2, 3]);
    });

    test("keeps what was not acknowledged by a device that never connected", async () => {
      await subject.bind(11, 1);
      await acceptMany(log, 2, { expiresAt: START + YEAR_MS });
      await save(log, "user:1", { acked: 2 });
      for (let hours = 0; hours < 5; hours++) await retain(hours * HOUR_MS);
      expect(await seqs(log)).toEqual([1, 2]);
    });

    test("keeps what nobody was there to acknowledge", async () => {
      await acceptMany(log, 2, { expiresAt: START + YEAR_MS });
      for (let hours = 0; hours < 5; hours++) await retain(hours * HOUR_MS);
      expect(await seqs(log)).toEqual([1, 2]);
    });

    test("of settled messages goes on with those that come after", async () => {
      await acceptMany(log, 2, { expiresAt: START + YEAR_MS });
      await save(log, "user:1", { acked: 2 });
      for (let hours = 0; hours < 4; hours++) await retain(hours * HOUR_MS);
      expect(await seqs(log)).toEqual([]);
      await acceptMany(log, 2, { expiresAt: START + YEAR_MS });
      await save(log, "user:1", { acked: 3 });
      for (let hours = 4; hours < 8; hours++) await retain(hours * HOUR_MS);
      expect(await seqs(log)).toEqual([4]);
      expect(await log.position(1)).toMatchObject({ top: 4 });
    });

    test("forgets an app that was not seen for the time, and nobody else", async () => {
      await acceptMany(log, 1, { expiresAt: START + YEAR_MS });
      await subject.bind(11, 1);
      for (const consumer of ["app:1:phone", "app:1:tablet", "user:1", "device:11"]) await save(log, consumer, {});
      await save(log, "app:1:tablet", { lastSeen: START + 1 });
      expect((await retain(RULES.appUnseenMs)).map(({ cursors }) => cursors)).toEqual([0]);
      expect((await retain(RULES.appUnseenMs + 1)).map(({ cursors }) => cursors)).toEqual([1]);
      expect(await ackedBy(log, "app:1:phone")).toBeNull();
      for (const consumer of ["app:1:tablet", "user:1", "device:11"])
        expect(await ackedBy(log, consumer)).not.toBeNull();
    });

    test("does not wait for an app that is forgotten", async () => {
      await acceptMany(log, 2, { expiresAt: START + YEAR_MS });
      await save(log, "user:1", { acked: 2 });
      await save(log, "app:1:phone", { acked: 0 });
      await retain(RULES.appUnseenMs + 1);
      for (let hours = 1; hours < 4; hours++) await retain(RULES.appUnseenMs + 1 + hours * HOUR_MS);
      expect(await seqs(log)).toEqual([]);
    });

    test("forgets an idempotency key after a day, not before", async () => {
      const ask = () => acceptOne(log, { idempotency: { caller: "user:1", key: "k", fingerprint: "body" } });
      await ask();
      expect((await retain(DAY_MS - 1)).map(({ keys }) => keys)).toEqual([0]);
      expect((await ask()).kind).toBe("duplicate");
      expect((await retain(DAY_MS)).map(({ keys }) => keys)).toEqual([1]);
      expect((await ask()).kind).toBe("accepted");
    });

    test("in small batches comes to the same", async () => {
      const idempotency = (n: number) => ({ caller: "user:1", key: `k${n}`, fingerprint: "body" });
      for (let n = 0; n < 7; n++) await acceptOne(log, { expiresAt: START + 5_000, idempotency: idempotency(n) });
      await acceptMany(log, 7, { expiresAt: START + YEAR_MS });
      await acceptMany(log, 7, { expiresAt: START + YEAR_MS, userId: 2 });
      await save(log, "user:1", { acked: 13 });
      await save(log, "user:2", { userId: 2, acked: 7 });
      await retain(0, 3);
      await retain(4_000, 3);
      expect((await seqs(log)).length + (await seqs(log, 2)).length).toBe(21);
      const reports = await retain(DAY_MS, 3);
      expect([await seqs(log), await seqs(log, 2)]).toEqual([[14], []]);
      const sum = (of: "messages" | "keys") => reports.reduce((total, report) => total + report[of], 0);
      expect([sum("messages"), sum("keys")]).toEqual([20, 7]);
      expect(reports.at(-1)?.more).toBe(false);
      if (kind.deletesInBatches) {
        // Expired and settled ones are bounded each for themselves.
        expect(Math.max(...reports.map(({ messages }) => messages))).toBeLessThanOrEqual(6);
        expect(Math.max(...reports.map(({ keys }) => keys))).toBeLessThanOrEqual(3);
      }
    });
  });
}
