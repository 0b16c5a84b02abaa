import { describe, expect, test } from "bun:test";
import { ManualClock } from "@qy-lty/testkit";
import { hashToken, mintToken } from "../platform/ids.ts";
import type { CredentialReader, CredentialRecord } from "../store/store.ts";
import type { Tokens } from "../store/tokens.ts";
import { Authenticator } from "./authenticator.ts";

const token = mintToken();
const legacy = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b";
const good: CredentialRecord = {
  tokenId: 7,
  principal: { kind: "user", userId: 1, username: "anna", isAdmin: false },
  primaryDeviceId: null,
  expiresAt: null,
  refused: false,
};

function start(record: CredentialRecord | undefined, wait = false) {
  const clock = new ManualClock();
  const asked: unknown[] = [];
  const failures: unknown[] = [];
  const written: ReadonlyMap<number, number>[] = [];
  const find = (key: unknown) => {
    asked.push(key);
    return wait ? Promise.resolve(record) : record;
  };
  const reader: CredentialReader = { findByHash: find, findById: find };
  const tokens = { markUsed: async (used: ReadonlyMap<number, number>) => void written.push(used) };
  const authenticator = new Authenticator(reader, tokens as unknown as Tokens, clock, (error) => failures.push(error));
  return { authenticator, clock, asked, failures, written, tokens };
}

describe("Authenticator", () => {
  test.each([token, legacy])("finds %s by its hash", async (shown) => {
    for (const wait of [false, true]) {
      const { authenticator, asked } = start(good, wait);
      expect(await authenticator.byToken(shown)).toEqual(good);
      expect(asked).toEqual([hashToken(shown)]);
    }
  });

  test("answers at once where the database does", () => {
    expect(start(good).authenticator.byToken(token)).toEqual(good);
    expect(start(good).authenticator.byTokenId(7)).toEqual(good);
  });

  test.each(["", "x", token.slice(0, -1), `${token}x`, token.toUpperCase(), `${legacy}0`, "' OR 1=1 --"])(
    "%j cannot be a token: the database is not asked",
    async (shown) => {
      const { authenticator, asked } = start(good);
      expect([await authenticator.byToken(shown), asked]).toEqual([null, []]);
    },
  );

  test.each<[string, CredentialRecord | undefined]>([
    ["unknown", undefined],
    ["revoked, or its user disabled", { ...good, refused: true }],
    ["expired", { ...good, expiresAt: Date.UTC(2026, 0, 1) }],
  ])("%s is null, by token and by id", async (_, record) => {
    for (const wait of [false, true]) {
      const { authenticator } = start(record, wait);
      expect([await authenticator.byToken(token), await authenticator.byTokenId(7)]).toEqual([null, null]);
    }
  });

  test("expires by the wall clock, to the millisecond", () => {
    const { authenticator, clock } = start({ ...good, expiresAt: Date.UTC(2026, 0, 1) + 5_000 });
    clock.stepWall(4_999);
    expect(authenticator.byToken(token)).not.toBeNull();
    clock.stepWall(1);
    expect(authenticator.byToken(token)).toBeNull();
  });

  test("writes the last use once a minute, and on request; what was refused was not used", async () => {
    const { authenticator, clock, written } = start(good);
    authenticator.byToken(token);
    clock.advance(1_000);
    authenticator.byToken(token);
    clock.advance(59_000);
    await authenticator.flush();
    expect(written).toEqual([new Map([[7, Date.UTC(2026, 0, 1) + 1_000]]), new Map()]);
    const refused = start({ ...good, refused: true });
    refused.authenticator.byToken(token);
    await refused.authenticator.flush();
    expect(refused.written).toEqual([new Map()]);
  });

  test("a flush waits for the one before it", async () => {
    const { authenticator, tokens } = start(good);
    const first = Promise.withResolvers<void>();
    const order: string[] = [];
    tokens.markUsed = async () => {
      order.push("begins");
      await first.promise;
      order.push("ends");
    };
    void authenticator.flush();
    const second = authenticator.flush();
    first.resolve();
    await second;
    expect(order).toEqual(["begins", "ends", "begins", "ends"]);
  });

  test("a failed write is reported and does not reject", async () => {
    const { authenticator, tokens, failures } = start(good);
    tokens.markUsed = () => Promise.reject(new Error("disk full"));
    authenticator.byToken(token);
    await authenticator.flush();
    expect(failures).toEqual([new Error("disk full")]);
  });

  test("stops its timer", () => {
    const { authenticator, clock } = start(good);
    authenticator.stop();
    expect(clock.timers).toBe(0);
  });
});
