import { beforeEach, describe, expect, test } from "bun:test";
import { GatewayError } from "@qy-lty/protocol";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import type { AcceptOutcome, LogStore, NewMessage } from "../store/log-store.ts";
import { MemoryLog } from "../store/memory-log.ts";
import { HeldLog } from "../store/testing/held-log.ts";
import { aMessage } from "../store/testing/log-under-test.ts";
import { Acceptor } from "./acceptor.ts";
import { settle } from "./testing/workbench.ts";

describe("the acceptor", () => {
  let log: HeldLog;
  let memory: MemoryLog;
  let acceptor: Acceptor;
  /** The sizes of the transactions, and what was told to whom, in order. */
  let batches: number[];
  let told: string[];
  let errors: unknown[];
  beforeEach(() => {
    memory = new MemoryLog(new ManualClock());
    const counting: Pick<LogStore, "accept"> = {
      accept: (messages) => {
        batches.push(messages.length);
        return memory.accept(messages);
      },
    };
    log = new HeldLog(Object.assign(Object.create(memory) as MemoryLog, counting));
    [batches, told, errors] = [[], [], []];
    acceptor = new Acceptor(
      log,
      (message, seq) => void told.push(`${message.messageId} is ${seq}`),
      (error) => void errors.push(error),
    );
  });

  const ask = (messageId: string, message: Partial<NewMessage> = {}) => {
    const outcome = acceptor.accept(aMessage({ messageId, ...message }));
    outcome.then(
      () => told.push(`${messageId} answered`),
      (error: GatewayError) => told.push(`${messageId} ${error.code}`),
    );
    return outcome;
  };

  test("what comes in one turn is one transaction, and what comes during a commit is the next", async () => {
    for (const id of ["a", "b", "c"]) ask(id);
    log.hold();
    await settle();
    for (const id of ["d", "e"]) ask(id);
    await settle();
    expect(batches).toEqual([]);
    await log.step();
    await settle();
    await log.step();
    await settle();
    expect(batches).toEqual([3, 2]);
    await log.release();
    ask("f");
    await settle();
    expect(batches).toEqual([3, 2, 1]);
    expect(memory.read(1, 0, 10).map(({ messageId }) => messageId)).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  test("a transaction holds at most 64", async () => {
    await Promise.all(Array.from({ length: 130 }, (_, n) => ask(`m${n}`)));
    expect(batches).toEqual([64, 64, 2]);
  });

  test("nobody is told anything before it is on disk; receivers before the sender, in order", async () => {
    log.hold();
    ask("a");
    ask("b");
    await settle();
    expect(told).toEqual([]);
    await log.release();
    await settle();
    expect(told).toEqual(["a is 1", "b is 2", "a answered", "b answered"]);
  });

  test("each gets its own outcome, and only what was taken is told to receivers", async () => {
    const idempotency = { caller: "c", key: "k", fingerprint: "f" };
    const outcomes = await Promise.all([
      ask("a", { idempotency }),
      ask("b", { idempotency }),
      ask("c", { idempotency: { ...idempotency, fingerprint: "other" } }),
      ask("d", { deviceId: 99 }),
      ask("e", { ephemeral: true }),
      ask("f"),
    ]);
    const kinds = ["accepted", "duplicate", "conflict", "not-bound", "accepted", "accepted"] as AcceptOutcome["kind"][];
    expect(outcomes.map(({ kind }) => kind)).toEqual(kinds);
    expect(told.filter((line) => line.includes(" is "))).toEqual(["a is 1", "e is null", "f is 2"]);
  });

  test("a store that cannot write refuses its transaction, and the next one goes on", async () => {
    const cause = new Error("disk full");
    log.failNext(cause);
    log.hold();
    const lost = ask("a");
    await settle();
    const next = ask("b");
    await log.release();
    const error = await lost.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: "UNAVAILABLE", retryAfterMs: 1_000, cause });
    expect(await next).toEqual({ kind: "accepted", seq: 1 });
    expect(errors).toEqual([cause]);
    expect(told).toEqual(["a UNAVAILABLE", "b is 1", "b answered"]);
  });

  test("a receiver that cannot be told does not keep the sender or the others waiting", async () => {
    const telling = new Acceptor(
      log,
      ({ messageId }) => {
        if (messageId === "a") throw new Error("no ear");
        told.push(messageId);
      },
      (error) => void errors.push(error),
    );
    const outcomes = await Promise.all(["a", "b"].map((messageId) => telling.accept(aMessage({ messageId }))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted"]);
    expect([told, errors]).toEqual([["b"], [new Error("no ear")]]);
  });

  test("a message that the store said nothing of counts as refused", async () => {
    const silent = new Acceptor(
      Object.assign(Object.create(memory), { accept: async () => [] }),
      () => {},
      () => {},
    );
    const error = await silent.accept(aMessage()).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "UNAVAILABLE" });
  });

  test("refuses what is too much to wait for the disk, by count, and takes it again when there is room", async () => {
    log.hold();
    ask("first");
    await settle();
    // Its transaction is under way: as many again may wait behind it.
    const waiting = Array.from({ length: 10_000 }, (_, n) => ask(`m${n}`, { ephemeral: true }));
    expect(await ask("over").catch((error: unknown) => error)).toMatchObject({
      code: "UNAVAILABLE",
      retryAfterMs: 1_000,
    });
    expect(told).toEqual(["over UNAVAILABLE"]);
    await log.release();
    expect((await Promise.all(waiting)).every(({ kind }) => kind === "accepted")).toBe(true);
    expect(await ask("late")).toEqual({ kind: "accepted", seq: 2 });
  });

  test("refuses what is too much to wait for the disk, by bytes", async () => {
    const half = { bytes: 16 * 1024 * 1024, ephemeral: true };
    log.hold();
    ask("first", half);
    await settle();
    const waiting = [ask("a", half), ask("b", half)];
    expect(await ask("over", { bytes: 1 }).catch((error: unknown) => error)).toMatchObject({ code: "UNAVAILABLE" });
    await log.release();
    await Promise.all(waiting);
    expect((await ask("late", half)).kind).toBe("accepted");
  });
});
