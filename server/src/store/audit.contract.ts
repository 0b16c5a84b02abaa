import { beforeEach, describe, expect, test } from "bun:test";
import type { ManualClock } from "@qy-lty/testkit";
import type { Store } from "./store.ts";

/** What a store owes of its audit log. */
export function auditContract(current: () => { readonly store: Store; readonly clock: ManualClock }): void {
  describe("the audit log", () => {
    let store: Store;
    let clock: ManualClock;
    beforeEach(() => {
      ({ store, clock } = current());
    });
    const note = (what: string, subject = {}, requestId: string | null = null) =>
      store.audit.record({ who: "user:1", what, subject, requestId });

    test("keeps what was changed, newest first, in pages", async () => {
      const at = clock.now();
      await note("user created", { user_id: 7, fields: ["é😀"] }, "request");
      clock.advance(1_000);
      await note("token revoked");
      await note("device erased");
      const { items, total } = await store.audit.list({ limit: 2, offset: 1 });
      expect(total).toBe(3);
      expect(items).toEqual([
        { id: 2, at: at + 1_000, who: "user:1", what: "token revoked", subject: {}, requestId: null },
        {
          ...{ id: 1, at, who: "user:1", what: "user created" },
          subject: { user_id: 7, fields: ["é😀"] },
          requestId: "request",
        },
      ]);
    });

    test("outlives what it names", async () => {
      const { id } = await store.users.create({ username: "anna" });
      await note("user created", { user_id: id });
      await store.users.erase(id);
      expect((await store.audit.list({ limit: 10, offset: 0 })).total).toBe(1);
    });
  });
}
