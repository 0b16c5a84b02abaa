import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import type { Clock } from "../platform/clock.ts";
import { hashToken } from "../platform/ids.ts";
import { auditContract } from "./audit.contract.ts";
import { creationKeyContract } from "./creation-key.contract.ts";
import { type Store, StoreError } from "./store.ts";
import { feedContract } from "./store-feed.contract.ts";
import { tokensContract } from "./store-tokens.contract.ts";

export interface StoreUnderTest {
  readonly name: string;
  /** A store that is empty, and gone with its files when it is closed. */
  open(clock: Clock): Promise<Store>;
}

const ALL = { limit: 1_000, offset: 0 };
const NOW = Date.UTC(2026, 0, 1);

/** What `work` is refused with. */
export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return (error as { code?: unknown } | undefined)?.code;
}

/** What every store owes, but for what it takes two processes to show. */
export function storeContract({ name, open }: StoreUnderTest): void {
  describe(`${name} as a store`, () => {
    let clock: ManualClock;
    let store: Store;
    beforeEach(async () => {
      clock = new ManualClock();
      store = await open(clock);
    });
    afterEach(() => store.close());
    const newUser = (username = "anna") => store.users.create({ username });

    describe("users", () => {
      test("are made active and plain, unless it is said otherwise", async () => {
        const anna = await newUser();
        expect(anna).toEqual({
          id: 1,
          username: "anna",
          password_hash: null,
          is_admin: 0,
          is_active: 1,
          created_at: NOW,
        });
        const root = await store.users.create({ username: "root", passwordHash: "hash", isAdmin: true });
        expect(root).toMatchObject({ password_hash: "hash", is_admin: 1 });
        expect([await store.users.find(1), await store.users.findByName("root")]).toEqual([anna, root]);
        expect([await store.users.find(99), await store.users.findByName("ROOT")]).toEqual([undefined, undefined]);
      });

      test("have a name each, letter by letter", async () => {
        const anna = await newUser();
        const ben = await newUser("ben");
        expect(await codeOf(newUser())).toBe("CONFLICT");
        expect(await codeOf(store.users.change(ben.id, { username: "anna" }))).toBe("CONFLICT");
        expect(await store.users.change(anna.id, { username: "anna" })).toEqual(anna);
        expect((await newUser("Anna")).username).toBe("Anna");
        expect(await store.users.find(ben.id)).toEqual(ben);
      });

      test("change only in what is named", async () => {
        const anna = await newUser();
        expect(await store.users.change(anna.id, {})).toEqual(anna);
        const changed = await store.users.change(anna.id, { isActive: false, passwordHash: "hash" });
        expect(changed).toEqual({ ...anna, is_active: 0, password_hash: "hash" });
        expect(await store.users.change(anna.id, { isActive: true, isAdmin: true, passwordHash: null })).toEqual({
          ...anna,
          is_admin: 1,
        });
        expect(await codeOf(store.users.change(99, { isAdmin: true }))).toBe("NOT_FOUND");
        expect(await codeOf(store.users.change(99, {}))).toBe("NOT_FOUND");
      });

      test("are erased with their tokens; their devices stay, and are nobody's", async () => {
        const { id } = await newUser();
        const device = await store.devices.create({ name: "speaker", userId: id, isPrimary: true });
        const { token } = await store.tokens.issue({ kind: "user", id }, null);
        const kept = await store.tokens.issue({ kind: "device", id: device.id }, null);
        expect(await store.users.erase(id)).toBe(true);
        expect(await store.users.erase(id)).toBe(false);
        expect(await store.devices.find(device.id)).toEqual({
          ...device,
          user_id: null,
          is_primary: 0,
          bound_at: null,
        });
        expect(await store.credentials.findByHash(hashToken(token))).toBeUndefined();
        expect(await store.credentials.findByHash(hashToken(kept.token))).toMatchObject({
          principal: { userId: null },
        });
      });
    });

    describe("devices", () => {
      test("are nobody's until they are bound", async () => {
        const device = await store.devices.create({ name: "speaker" });
        expect(device).toEqual({
          id: 1,
          name: "speaker",
          serial: null,
          user_id: null,
          is_primary: 0,
          created_at: NOW,
          bound_at: null,
          last_seen: null,
        });
        const { id } = await newUser();
        clock.advance(1_000);
        const bound = await store.devices.change(1, { userId: id });
        expect(bound).toEqual({ ...device, user_id: id, bound_at: NOW + 1_000 });
        clock.advance(1_000);
        expect(await store.devices.change(1, { userId: id, name: "kitchen" })).toEqual({ ...bound, name: "kitchen" });
        expect(await store.devices.change(1, { userId: null })).toEqual({ ...device, name: "kitchen" });
      });

      test("have a serial each, where they have one", async () => {
        await store.devices.create({ name: "a", serial: "S1" });
        const b = await store.devices.create({ name: "b", serial: null });
        await store.devices.create({ name: "c" });
        expect(await codeOf(store.devices.create({ name: "d", serial: "S1" }))).toBe("CONFLICT");
        expect(await codeOf(store.devices.change(b.id, { serial: "S1" }))).toBe("CONFLICT");
        expect((await store.devices.change(b.id, { serial: "S2" })).serial).toBe("S2");
        expect((await store.devices.change(b.id, { serial: null })).serial).toBeNull();
      });

      test("one of a user's is primary: the newest that was said to be", async () => {
        const { id } = await newUser();
        const first = await store.devices.create({ name: "a", userId: id, isPrimary: true });
        const second = await store.devices.create({ name: "b", userId: id, isPrimary: true });
        const primaries = async () =>
          (await store.devices.list(ALL)).items.filter((device) => device.is_primary === 1).map((device) => device.id);
        expect(await primaries()).toEqual([second.id]);
        await store.devices.change(first.id, { isPrimary: true });
        expect(await primaries()).toEqual([first.id]);
        await store.devices.change(first.id, { isPrimary: false });
        expect(await primaries()).toEqual([]);
      });

      test("that change hands are primary only where that is said", async () => {
        const anna = await newUser();
        const ben = await newUser("ben");
        const old = await store.devices.create({ name: "old", userId: ben.id, isPrimary: true });
        const { id } = await store.devices.create({ name: "new", userId: anna.id, isPrimary: true });
        expect(await store.devices.change(id, { userId: ben.id })).toMatchObject({ user_id: ben.id, is_primary: 0 });
        await store.devices.change(id, { userId: anna.id, isPrimary: true });
        expect(await store.devices.change(id, { userId: ben.id, isPrimary: true })).toMatchObject({ is_primary: 1 });
        expect(await store.devices.find(old.id)).toMatchObject({ is_primary: 0 });
      });

      test("of nobody are never primary", async () => {
        const { id } = await newUser();
        const device = await store.devices.create({ name: "a", userId: id, isPrimary: true });
        expect(await codeOf(store.devices.create({ name: "b", isPrimary: true }))).toBe("INVALID_VALUE");
        expect(await codeOf(store.devices.change(device.id, { userId: null, isPrimary: true }))).toBe("INVALID_VALUE");
        expect(await store.devices.find(device.id)).toEqual(device);
        expect(await codeOf(store.devices.change(99, { name: "x" }))).toBe("NOT_FOUND");
      });

      test("a change that is refused leaves nothing behind, not half of it either", async () => {
        const { id } = await newUser();
        const primary = await store.devices.create({ name: "a", serial: "S1", userId: id, isPrimary: true });
        expect(await codeOf(store.devices.create({ name: "b", serial: "S1", userId: id, isPrimary: true }))).toBe(
          "CONFLICT",
        );
        expect(await store.devices.find(primary.id)).toEqual(primary);
      });

      test("note when they were last seen", async () => {
        await store.devices.create({ name: "a" });
        await store.devices.create({ name: "b" });
        await store.devices.markSeen(new Map([[1, 5], [2, 6], [99, 7]])); // biome-ignore format: pairs
        await store.devices.markSeen(new Map());
        expect((await store.devices.list(ALL)).items.map((device) => device.last_seen)).toEqual([5, 6]);
      });

      test("are erased with their tokens", async () => {
        const { id } = await store.devices.create({ name: "a" });
        const { token } = await store.tokens.issue({ kind: "device", id }, null);
        expect([await store.devices.erase(id), await store.devices.erase(id)]).toEqual([true, false]);
        expect(await store.credentials.findByHash(hashToken(token))).toBeUndefined();
      });
    });

    test("a service is made once, widened, and never narrowed", async () => {
      const narrow = await store.services.ensure("backend", false);
      expect(await store.services.ensure("backend", false)).toEqual(narrow);
      const wide = await store.services.ensure("backend", true);
      expect(wide).toEqual({ ...narrow, may_issue_tokens: 1 });
      expect(await store.services.ensure("backend", false)).toEqual(wide);
      expect([await store.services.findByName("backend"), await store.services.findByName("x")]).toEqual([
        wide,
        undefined,
      ]);
    });

    describe("lists", () => {
      test("come in pages, in order of id, and say how long they are", async () => {
        for (let i = 1; i <= 5; i++) {
          await newUser(`user-${i}`);
          await store.devices.create({ name: `device-${i}`, userId: i % 2 === 0 ? 2 : 1 });
          await store.tokens.issue(i % 2 === 0 ? { kind: "user", id: 2 } : { kind: "device", id: i }, null);
        }
        const ids = ({ items, total }: { items: readonly { id: number }[]; total: number }) => [
          items.map(({ id }) => id),
          total,
        ];
        for (const list of [store.users, store.devices, store.tokens]) {
          expect(ids(await list.list({ limit: 2, offset: 0 }))).toEqual([[1, 2], 5]);
          expect(ids(await list.list({ limit: 2, offset: 4 }))).toEqual([[5], 5]);
          expect(ids(await list.list({ limit: 2, offset: 9 }))).toEqual([[], 5]);
        }
        expect(ids(await store.users.list(ALL, 2))).toEqual([[2], 1]);
        expect(ids(await store.devices.list(ALL, 1))).toEqual([[1, 3, 5], 3]);
        expect(ids(await store.tokens.list(ALL, 2))).toEqual([[2, 4], 2]);
        expect(ids(await store.users.list(ALL, 99))).toEqual([[], 0]);
      });
    });

    test("ids are never used again", async () => {
      for (let round = 1; round <= 3; round++) {
        const { id } = await newUser();
        const device = await store.devices.create({ name: "speaker" });
        const { record } = await store.tokens.issue({ kind: "user", id }, null);
        expect([id, device.id, record.id]).toEqual([round, round, round]);
        await store.users.erase(id);
        await store.devices.erase(device.id);
      }
    });

    test("answers while it is open, and says so when it is not", async () => {
      await store.check();
      const closed = await open(clock);
      await closed.close();
      await expect(closed.check()).rejects.toBeInstanceOf(StoreError);
    });

    tokensContract(() => ({ store, clock }));
    auditContract(() => ({ store, clock }));
    creationKeyContract(() => ({ store, clock }));
    feedContract(() => store);
  });
}
