import { beforeEach, describe, expect, test } from "bun:test";
import type { ManualClock } from "@qy-lty/testkit";
import { CREATION_KEY_MS } from "./creation-key.ts";
import type { Store } from "./store.ts";

/** What a store owes to who makes a user or a device under an idempotency key. */
export function creationKeyContract(current: () => { readonly store: Store; readonly clock: ManualClock }): void {
  describe("an idempotency key", () => {
    let store: Store;
    let clock: ManualClock;
    beforeEach(() => {
      ({ store, clock } = current());
    });
    const key = (more: { readonly caller?: string; readonly fingerprint?: string } = {}) => ({
      ...{ caller: "service:1", key: "k", fingerprint: "f" },
      ...more,
    });
    const make = (more = {}) => store.devices.createOnce({ name: "speaker" }, key(more));
    const reason = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);

    test("makes one device, also when it is asked for at once, and answers it as it is", async () => {
      const made = await Promise.all(Array.from({ length: 10 }, () => make()));
      expect(new Set(made.map(({ row }) => row.id)).size).toBe(1);
      expect(made.filter(({ isNew }) => isNew)).toHaveLength(1);
      const id = made[0]?.row.id ?? 0;
      await store.devices.change(id, { name: "lamp" });
      expect(await make()).toMatchObject({ row: { id, name: "lamp" }, isNew: false });
      expect((await store.devices.list({ limit: 10, offset: 0 })).total).toBe(1);
    });

    test("makes one user, where a name would be taken the second time", async () => {
      const anna = () => store.users.createOnce({ username: "anna" }, key());
      const { row } = await anna();
      expect(await anna()).toEqual({ row, isNew: false });
    });

    test("belongs to its caller, and is for one thing", async () => {
      const { row } = await make();
      expect((await make({ caller: "user:1" })).row.id).not.toBe(row.id);
      expect(await reason(make({ fingerprint: "g" }))).toContain("was used for another request");
    });

    test("is not used up where nothing was made", async () => {
      await store.users.create({ username: "anna" });
      expect(await reason(store.users.createOnce({ username: "anna" }, key()))).toContain("username is taken");
      expect(await make()).toMatchObject({ isNew: true });
    });

    test("does not make again what was erased", async () => {
      await store.devices.erase((await make()).row.id);
      expect(await reason(make())).toContain("has been erased");
    });

    test("is forgotten after 24 h", async () => {
      const { row } = await make();
      clock.advance(CREATION_KEY_MS - 1);
      expect((await make()).row.id).toBe(row.id);
      clock.advance(1);
      expect((await make()).row.id).not.toBe(row.id);
    });
  });
}
