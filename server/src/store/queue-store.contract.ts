import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type NewQueueEntry, QUEUE_KEY_MS, type QueueStore } from "./queue-store.ts";

/** A queue that holds nothing yet. Users 1 to 3 are there. */
export interface QueueUnderTest extends AsyncDisposable {
  readonly queue: QueueStore;
  /** The same queue as somebody else sees it who opens it now. */
  reopen(): QueueStore;
  /** Erases a user, as another process would. */
  erase(userId: number): void | Promise<void>;
}

const START = Date.UTC(2026, 0, 1);

const entry = (name: string, userId = 1, rest: Partial<NewQueueEntry> = {}): NewQueueEntry => ({
  userId,
  frame: `{"type":"note","message":"${name}"}`,
  createdAt: START,
  idempotency: null,
  ...rest,
});

/** An entry under a key; what it says is its fingerprint. */
const keyed = (key: string, name: string, caller = "service:1", createdAt = START): NewQueueEntry =>
  entry(name, 1, { idempotency: { caller, key, fingerprint: name }, createdAt });

/** What every queue owes its callers: the promises of `QueueStore`, one by one. `open` bounds it to 5 entries, and 3 set aside. */
export function queueStoreContract(name: string, open: () => Promise<QueueUnderTest>): void {
  describe(`${name} as a message queue`, () => {
    let subject: QueueUnderTest;
    let queue: QueueStore;
    beforeEach(async () => {
      subject = await open();
      queue = subject.queue;
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    const names = async (store = queue) =>
      (await store.next(0, 100)).map(({ frame }) => (JSON.parse(frame) as { message: string } | null)?.message);
    const ids = async () => (await queue.next(0, 100)).map(({ id }) => id);

    test("what was taken is there for everybody, in order, with its user and its frame", async () => {
      const entries = [entry("a"), entry("é😀\\u0000", 2), entry("c")];
      expect(await queue.enqueue(entries)).toEqual([1, 2, 3].map((size) => ({ kind: "queued", size })));
      for (const store of [queue, subject.reopen()]) {
        const found = await store.next(0, 100);
        expect(found.map(({ userId, frame }) => ({ userId, frame }))).toEqual(
          entries.map(({ userId, frame }) => ({ userId, frame })),
        );
        expect(await store.sizes()).toEqual({ waiting: 3, setAside: 0 });
      }
    });

    test("is read piece by piece, all of it or one user's", async () => {
      await queue.enqueue([entry("a"), entry("b", 2), entry("c"), entry("d", 2), entry("e")]);
      const [first, second, third] = await ids();
      expect((await queue.next(0, 2)).map(({ id }) => id)).toEqual([first, second] as number[]);
      expect((await queue.next(second ?? 0, 1)).map(({ id }) => id)).toEqual([third] as number[]);
      expect((await queue.nextOf(1, 2)).map(({ id }) => id)).toEqual([first, third] as number[]);
      expect(await queue.nextOf(3, 2)).toEqual([]);
    });

    test("takes what it can of a batch: not for a user who is not there, nor more than it may hold", async () => {
      await queue.enqueue([entry("a"), entry("b"), entry("c")]);
      const outcomes = await queue.enqueue([entry("d", 99), entry("e"), entry("f"), entry("g"), entry("h", 99)]);
      expect(outcomes.map(({ kind }) => kind)).toEqual(["no-user", "queued", "queued", "full", "no-user"]);
      expect(await names()).toEqual(["a", "b", "c", "e", "f"]);
      await queue.remove((await ids()).slice(0, 1));
      expect(await queue.enqueue([entry("i")])).toEqual([{ kind: "queued", size: 5 }]);
    });

    test("one key of one caller makes one entry, in one batch, later, and for whoever opens it next", async () => {
      const outcomes = await queue.enqueue([
        keyed("k", "a"),
        keyed("k", "a"),
        keyed("k", "b"),
        keyed("k", "a", "user:1"),
      ]);
      expect(outcomes).toEqual([
        { kind: "queued", size: 1 },
        { kind: "duplicate", size: 1 },
        { kind: "conflict" },
        { kind: "queued", size: 2 },
      ]);
      await queue.remove(await ids());
      expect(await subject.reopen().enqueue([keyed("k", "a")])).toEqual([{ kind: "duplicate", size: 1 }]);
      expect(await names()).toEqual([]);
    });

    test("a key is forgotten after 24 h", async () => {
      await queue.enqueue([keyed("k", "a")]);
      const later = (ms: number) => queue.enqueue([keyed("k", "b", "service:1", START + ms)]);
      expect(await later(QUEUE_KEY_MS - 1)).toEqual([{ kind: "conflict" }]);
      expect(await later(QUEUE_KEY_MS)).toEqual([{ kind: "queued", size: 2 }]);
    });

    test("entries that were asked for together share one order", async () => {
      const outcomes = await Promise.all(["a", "b", "c"].map((one) => queue.enqueue([entry(one)])));
      expect(outcomes.flat()).toEqual([1, 2, 3].map((size) => ({ kind: "queued", size })));
      expect(await names()).toEqual(["a", "b", "c"]);
    });

    test("what is removed is gone, whether it was there or not, and its id is never used again", async () => {
      await queue.enqueue([entry("a"), entry("b")]);
      const before = await ids();
      await queue.remove([...before, 12_345]);
      expect(await queue.sizes()).toEqual({ waiting: 0, setAside: 0 });
      await queue.enqueue([entry("c")]);
      expect((await ids())[0]).toBeGreaterThan(Math.max(...before));
    });

    test("what is set aside waits no more, and makes room; of many, the newest are kept", async () => {
      await queue.enqueue(["a", "b", "c", "d", "e"].map((one) => entry(one)));
      const [first = 0, ...others] = await ids();
      await queue.setAside(first, "bad type");
      await queue.setAside(first, "again");
      await queue.setAside(12_345, "nothing there");
      expect(await queue.sizes()).toEqual({ waiting: 4, setAside: 1 });
      expect(await names()).toEqual(["b", "c", "d", "e"]);
      expect((await queue.nextOf(1, 1))[0]?.id).toBe(others[0] ?? 0);
      expect(await queue.enqueue([entry("f")])).toEqual([{ kind: "queued", size: 5 }]);
      for (const id of others) await queue.setAside(id, "bad type");
      expect(await queue.sizes()).toEqual({ waiting: 1, setAside: 3 });
    });

    test("what waits for a user who is erased is set aside", async () => {
      await queue.enqueue([entry("a"), entry("b", 2), entry("c")]);
      await subject.erase(1);
      expect(await queue.sizes()).toEqual({ waiting: 1, setAside: 2 });
      expect(await names()).toEqual(["b"]);
    });

    test("is empty once it is cleared, of what was set aside too", async () => {
      await queue.enqueue([entry("a"), entry("b")]);
      await queue.setAside((await ids())[0] ?? 0, "bad type");
      await queue.clear();
      expect(await queue.sizes()).toEqual({ waiting: 0, setAside: 0 });
      expect(await names()).toEqual([]);
    });
  });
}
