import { describe, expect, test } from "bun:test";
import type { z } from "@hono/zod-openapi";
import { id, idOrNull, messageBody, messageType, name, paging, toIso } from "./fields.ts";

/** One row each: `test.each` would take an array for a row. */
const wrapped = (values: readonly unknown[]) => values.map((value) => [value]);

/** What a field makes of a value; undefined: it is refused. */
const read = (field: z.ZodType, value: unknown) => field.safeParse(value).data;

describe("an id", () => {
  test.each<[unknown, number]>([
    [7, 7],
    ["7", 7],
    ["007", 7],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("%j", (value, expected) => {
    expect([read(id(), value), read(idOrNull(), value)]).toEqual([expected, expected]);
  });

  test.each(
    wrapped([
      0,
      -1,
      1.5,
      Number.NaN,
      2 ** 53,
      "0",
      "",
      " 7",
      "7 ",
      "-7",
      "+7",
      "7.0",
      "1e3",
      "0x7",
      "٧",
      "9007199254740992",
      true,
      [7],
      {},
    ]),
  )("is not %j", (value) => {
    expect([read(id(), value), read(idOrNull(), value)]).toEqual([undefined, undefined]);
  });

  test("is null only where that means something", () => {
    expect([read(id(), null), read(idOrNull(), null)]).toEqual([undefined, null]);
  });
});

describe("a name", () => {
  test.each(["anna", "安娜", "Küche 2", "a".repeat(150), "o'brien; DROP TABLE user"])("%j", (value) => {
    expect(read(name(), value)).toBe(value);
  });

  test.each(["", " anna", "anna ", "\u3000anna", "a\nb", "a\u0000b", "a\u007fb", "a".repeat(151), 7, null])(
    "is not %j",
    (value) => {
      expect(read(name(), value)).toBeUndefined();
    },
  );
});

test("a message type has 1 to 64 characters", () => {
  const lengths = [0, 1, 64, 65].map((length) => messageType().safeParse("x".repeat(length)).data?.length);
  expect(lengths).toEqual([undefined, 1, 64, undefined]);
});

test.each(wrapped([false, 0, [], {}, "text", { nested: [null] }]))("a message may be %j", (value) => {
  expect(read(messageBody(), value)).toEqual(value);
});

describe("paging", () => {
  test.each([
    [{}, { limit: 100, offset: 0 }],
    [
      { limit: "1", offset: "5" },
      { limit: 1, offset: 5 },
    ],
    [{ limit: "1000" }, { limit: 1_000, offset: 0 }],
  ])("%j", (query, page) => {
    expect(read(paging, query)).toEqual(page);
  });

  test.each([
    { limit: "0" },
    { limit: "1001" },
    { limit: "ten" },
    { limit: "1.5" },
    { offset: "-1" },
    { offset: "1e400" },
  ])("is not %j", (query) => {
    expect(read(paging, query)).toBeUndefined();
  });
});

test("times are written in UTC, with Z", () => {
  expect([toIso(0), toIso(null)]).toEqual(["1970-01-01T00:00:00.000Z", null]);
});
