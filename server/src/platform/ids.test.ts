import { describe, expect, test } from "bun:test";
import {
  CountedIds,
  hashToken,
  LEGACY_TOKEN_PATTERN,
  mintTicket,
  mintToken,
  newId,
  TOKEN_PATTERN,
  tokenPrefix,
} from "./ids.ts";

describe("tokens", () => {
  test("are lty_ and 43 characters of base 62, each time others", () => {
    const tokens = Array.from({ length: 2_000 }, mintToken);
    for (const token of tokens) expect(token).toMatch(/^lty_[0-9A-Za-z]{43}$/);
    expect(new Set(tokens).size).toBe(tokens.length);
    for (const token of tokens) expect(TOKEN_PATTERN.test(token)).toBe(true);
  });

  test("hold 256 bits: every place but the last takes every digit", () => {
    const tokens = Array.from({ length: 5_000 }, mintToken);
    for (let place = 4; place < 46; place++) {
      // 62 digits in 5,000 draws: that one is missing has a chance of 62 × (61/62)^5000 ≈ 10^-33.
      expect(new Set(tokens.map((token) => token[place])).size).toBe(62);
    }
  });

  test.each([
    `lty_${"a".repeat(42)}`,
    `lty_${"a".repeat(44)}`,
    `lty_${"a".repeat(42)}-`,
    `LTY_${"a".repeat(43)}`,
    `lty_${"a".repeat(43)}\n`,
    ` lty_${"a".repeat(43)}`,
    `ltk_${"a".repeat(43)}`,
    "a".repeat(39),
    "a".repeat(41),
    "A".repeat(40),
    "g".repeat(40),
    `${"a".repeat(40)}\n`,
    "",
  ])("%j is none", (text) => {
    expect([TOKEN_PATTERN.test(text), LEGACY_TOKEN_PATTERN.test(text)]).toEqual([false, false]);
  });

  test("of the original system are 40 hex characters", () => {
    expect(LEGACY_TOKEN_PATTERN.test("9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b")).toBe(true);
  });

  test("are named by the 8 characters after lty_, imported ones by their first 8", () => {
    expect(tokenPrefix("lty_abcdefghij")).toBe("abcdefgh");
    expect(tokenPrefix("9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b")).toBe("9944b091");
  });

  test("are kept as SHA-256, lower-case hex", () => {
    expect(hashToken("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

test("a ticket is no token", () => {
  expect(mintTicket()).toMatch(/^ltk_[0-9A-Za-z]{43}$/);
});

test("ids are UUIDs of version 7, in order of time", () => {
  const ids = Array.from({ length: 1_000 }, newId);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
});

test("counted ids are UUIDs of their process, and back", () => {
  const [ids, others] = [new CountedIds(), new CountedIds()];
  const numbers = [ids.next(), ids.next(), 2 ** 48 - 1];
  const texts = numbers.map((number) => ids.text(number));
  for (const text of texts)
    expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(texts).size).toBe(3);
  expect(texts.map((text) => ids.number(text))).toEqual(numbers);
  expect(texts.map((text) => others.number(text))).toEqual([0, 0, 0]);
});
