import { describe, expect, test } from "bun:test";
import { codeOf } from "./store.contract.ts";
import type { Store } from "./store.ts";

/** What the feed of changes tells running servers. */
export function feedContract(current: () => Store): void {
  /** The changes that `work` makes: kind, subject, and from whom to whom. */
  async function changesOf(work: () => Promise<unknown>): Promise<unknown[]> {
    const { changes } = current();
    const before = await changes.latest();
    await work();
    const rows = await changes.after(before);
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, i) => before + 1 + i));
    expect(await changes.latest()).toBe(before + rows.length);
    return rows.map((row) => [row.kind, row.subject_id, row.from_user_id, row.to_user_id]);
  }

  async function household() {
    const store = current();
    const anna = await store.users.create({ username: "anna" });
    const ben = await store.users.create({ username: "ben" });
    const speaker = await store.devices.create({ name: "speaker", userId: anna.id, isPrimary: true });
    const second = await store.devices.create({ name: "second", userId: anna.id });
    const { record } = await store.tokens.issue({ kind: "user", id: anna.id }, null);
    return { store, anna: anna.id, ben: ben.id, speaker: speaker.id, second: second.id, token: record.id };
  }
  type Household = Awaited<ReturnType<typeof household>>;

  describe("the feed of changes", () => {
    const cases: [string, (home: Household) => Promise<unknown>, (home: Household) => unknown[]][] = [
      [
        "a token made",
        ({ store, anna }) => store.tokens.issue({ kind: "user", id: anna }, null),
        ({ token }) => [["token-made", token + 1, null, null]],
      ],
      [
        "a token revoked",
        ({ store, token }) => store.tokens.revoke(token),
        ({ token }) => [["token-revoked", token, null, null]],
      ],
      [
        "a user disabled",
        ({ store, anna }) => store.users.change(anna, { isActive: false }),
        ({ anna }) => [["user-disabled", anna, null, null]],
      ],
      [
        "a user renamed",
        ({ store, anna }) => store.users.change(anna, { username: "anne" }),
        ({ anna }) => [["user-changed", anna, null, null]],
      ],
      [
        "a user made an admin",
        ({ store, anna }) => store.users.change(anna, { isAdmin: true }),
        ({ anna }) => [["user-changed", anna, null, null]],
      ],
      ["a password set", ({ store, anna }) => store.users.change(anna, { passwordHash: "x" }), () => []],
      [
        "a user who stays as they are",
        ({ store, anna }) => store.users.change(anna, { username: "anna", isActive: true }),
        () => [],
      ],
      [
        "a device bound",
        ({ store, second, ben }) => store.devices.change(second, { userId: ben }),
        ({ second, anna, ben }) => [["device-bound", second, anna, ben]],
      ],
      [
        "a device unbound",
        ({ store, second }) => store.devices.change(second, { userId: null }),
        ({ second, anna }) => [["device-bound", second, anna, null]],
      ],
      ["a device renamed", ({ store, second }) => store.devices.change(second, { name: "kitchen" }), () => []],
      ["a device seen", ({ store, second }) => store.devices.markSeen(new Map([[second, 1]])), () => []],
      ["a token used", ({ store, token }) => store.tokens.markUsed(new Map([[token, 1]])), () => []],
      [
        "another device made primary",
        ({ store, second }) => store.devices.change(second, { isPrimary: true }),
        ({ speaker, second, anna }) => [
          ["device-bound", speaker, anna, anna],
          ["device-bound", second, anna, anna],
        ],
      ],
      ["a device made, of nobody", ({ store }) => store.devices.create({ name: "new" }), () => []],
      [
        "a first primary device made",
        ({ store, ben }) => store.devices.create({ name: "new", userId: ben, isPrimary: true }),
        ({ second, ben }) => [["device-bound", second + 1, null, ben]],
      ],
      [
        "a device erased",
        ({ store, second }) => store.devices.erase(second),
        ({ second, anna }) => [["device-bound", second, anna, null]],
      ],
      [
        "what came to nothing",
        ({ store, speaker }) => codeOf(store.devices.change(speaker, { userId: null, isPrimary: true })),
        () => [],
      ],
    ];

    test.each(cases)("%s", async (_, change, expected) => {
      const home = await household();
      expect(await changesOf(() => change(home))).toEqual(expected(home));
    });

    test("a user enabled again", async () => {
      const { store, anna } = await household();
      await store.users.change(anna, { isActive: false });
      const changes = await changesOf(() => store.users.change(anna, { isActive: true }));
      expect(changes).toEqual([["user-changed", anna, null, null]]);
    });

    test("a user erased: their tokens, themselves, their devices' bindings", async () => {
      const { store, anna, speaker, second, token } = await household();
      const changes = await changesOf(() => store.users.erase(anna));
      expect(changes).toContainEqual(["token-revoked", token, null, null]);
      expect(changes).toContainEqual(["user-erased", anna, null, null]);
      for (const device of [speaker, second]) expect(changes).toContainEqual(["device-bound", device, anna, null]);
    });

    test("never shows what a transaction took back", async () => {
      const { store, anna, speaker } = await household();
      await store.devices.change(speaker, { serial: "S1" });
      const before = await store.changes.latest();
      // Demotes the primary device, and then finds the serial taken.
      const refused = codeOf(store.devices.create({ name: "new", serial: "S1", userId: anna, isPrimary: true }));
      const seen: unknown[] = [];
      let done = false;
      const watched = refused.finally(() => {
        done = true;
      });
      for (let look = 1; !done; look++) {
        seen.push(...(await store.changes.after(before)));
        // Between any two steps of ours; and now and then of those of a thread.
        await (look % 50 === 0 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve());
      }
      expect(await watched).toBe("CONFLICT");
      expect(seen).toEqual([]);
    });
  });
}
