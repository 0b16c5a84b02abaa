import { beforeEach, describe, expect, test } from "bun:test";
import type { ManualClock } from "@qy-lty/testkit";
import { hashToken } from "../platform/ids.ts";
import type { Store } from "./store.ts";

const ALL = { limit: 1_000, offset: 0 };
const NOW = Date.UTC(2026, 0, 1);

/** What a store owes of credentials. */
export function tokensContract(current: () => { readonly store: Store; readonly clock: ManualClock }): void {
  let clock: ManualClock;
  let store: Store;
  beforeEach(() => {
    ({ clock, store } = current());
  });
  const newUser = () => store.users.create({ username: "anna" });

  describe("tokens", () => {
    test("stand for their holder, with what a handshake needs to know", async () => {
      const root = await store.users.create({ username: "root", isAdmin: true });
      const device = await store.devices.create({ name: "speaker", userId: root.id, isPrimary: true });
      const orphan = await store.devices.create({ name: "new" });
      const service = await store.services.ensure("backend", true);
      const lookUp = async (owner: { kind: "user" | "device" | "service"; id: number }) => {
        const { token, record } = await store.tokens.issue(owner, 60_000);
        const found = await store.credentials.findByHash(hashToken(token));
        expect(await store.credentials.findById(record.id)).toEqual(found);
        expect(found).toMatchObject({ tokenId: record.id, expiresAt: NOW + 60_000, refused: false });
        return [found?.principal, found?.primaryDeviceId];
      };
      expect(await lookUp({ kind: "user", id: root.id })).toEqual([
        { kind: "user", userId: root.id, username: "root", isAdmin: true },
        device.id,
      ]);
      expect(await lookUp({ kind: "device", id: device.id })).toEqual([
        { kind: "device", deviceId: device.id, name: "speaker", userId: root.id },
        null,
      ]);
      expect(await lookUp({ kind: "device", id: orphan.id })).toEqual([
        { kind: "device", deviceId: orphan.id, name: "new", userId: null },
        null,
      ]);
      expect(await lookUp({ kind: "service", id: service.id })).toEqual([
        { kind: "service", serviceId: service.id, name: "backend", mayIssueTokens: true },
        null,
      ]);
    });

    test("are kept as hashes, and shown by their prefix", async () => {
      const { id } = await newUser();
      const { token, record } = await store.tokens.issue({ kind: "user", id }, null);
      expect(record).toEqual({
        id: 1,
        prefix: token.slice(4, 12),
        kind: "user",
        user_id: id,
        device_id: null,
        service_id: null,
        service: null,
        created_at: NOW,
        expires_at: null,
        revoked_at: null,
        last_used_at: null,
      });
      expect(await store.tokens.find(1)).toEqual(record);
      expect(await store.tokens.findByPrefix(record.prefix)).toEqual([record]);
      expect(JSON.stringify(await store.tokens.list(ALL))).not.toContain(token.slice(12));
    });

    test("are revoked for good, at the first time", async () => {
      const { id } = await newUser();
      const { token } = await store.tokens.issue({ kind: "user", id }, null);
      expect([await store.tokens.revoke(1), await store.tokens.revoke(99)]).toEqual([true, false]);
      clock.advance(5_000);
      expect(await store.tokens.revoke(1)).toBe(true);
      expect((await store.tokens.find(1))?.revoked_at).toBe(NOW);
      expect(await store.credentials.findByHash(hashToken(token))).toMatchObject({ refused: true });
    });

    test("are refused while their user, or their device's owner, is disabled", async () => {
      const { id } = await newUser();
      const device = await store.devices.create({ name: "speaker", userId: id });
      const tokens = [
        await store.tokens.issue({ kind: "user", id }, null),
        await store.tokens.issue({ kind: "device", id: device.id }, null),
      ];
      const refused = () =>
        Promise.all(tokens.map(async ({ record }) => (await store.credentials.findById(record.id))?.refused));
      await store.users.change(id, { isActive: false });
      expect(await refused()).toEqual([true, true]);
      await store.users.change(id, { isActive: true });
      expect(await refused()).toEqual([false, false]);
    });

    test("are not made for somebody who is not there", async () => {
      for (const kind of ["user", "device", "service"] as const) {
        await expect(store.tokens.issue({ kind, id: 99 }, null)).rejects.toThrow();
      }
      expect((await store.tokens.list(ALL)).total).toBe(0);
    });

    test("note when they were last used", async () => {
      const { id } = await newUser();
      await store.tokens.issue({ kind: "user", id }, null);
      await store.tokens.markUsed(new Map([[1, 7], [99, 8]])); // biome-ignore format: pairs
      expect((await store.tokens.find(1))?.last_used_at).toBe(7);
    });

    test("of hundreds each learn their own moment", async () => {
      const { id } = await newUser();
      for (let n = 1; n <= 600; n++) await store.tokens.issue({ kind: "user", id }, null);
      await store.tokens.markUsed(new Map(Array.from({ length: 600 }, (_, n) => [n + 1, NOW + n])));
      const { items } = await store.tokens.list(ALL);
      expect(items.map(({ last_used_at }) => last_used_at)).toEqual(Array.from({ length: 600 }, (_, n) => NOW + n));
    });
  });
}
