import { describe, expect, test } from "bun:test";
import { RESERVED_TYPES } from "@qy-lty/protocol";
import { skills } from "./index.ts";

describe("the catalogue", () => {
  test("names every type and every reply once", () => {
    const types = skills.map(({ type }) => type);
    const replies = skills.map(({ reply }) => reply);
    expect(new Set([...types, ...replies]).size).toBe(2 * skills.length);
  });

  test.each(skills.map((skill) => [skill.type, skill] as const))(
    "%s: reply and summary are fit to print",
    (_, skill) => {
      // The reply's type is written into frames as it is.
      expect(skill.reply).toMatch(/^[a-z_]+$/);
      expect(skill.summary).toMatch(/^[A-Z].*\.$/);
    },
  );

  test("nobody asks for what only the server says", () => {
    expect(skills.filter(({ type }) => RESERVED_TYPES.has(type))).toEqual([]);
  });
});
