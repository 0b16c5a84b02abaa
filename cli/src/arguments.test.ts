import { describe, expect, test } from "bun:test";
import { id, lifetime, messageBody, messageType, name, serial, serviceName, settingFlag } from "./arguments.ts";
import { UsageError } from "./exit.ts";

const HOUR_MS = 3_600_000;

describe("what is taken", () => {
  test("ids are positive whole numbers", () => {
    expect(id("1")).toBe(1);
    expect(id("999999999999999")).toBe(999_999_999_999_999);
  });

  test("names are 1 to 150 characters, counted as people do", () => {
    expect(name("客厅 灯")).toBe("客厅 灯");
    expect(name("😀".repeat(150))).toHaveLength(300);
    expect(serial("SN-1")).toBe("SN-1");
    expect(serviceName("weather")).toBe("weather");
  });

  test("lifetimes have a unit", () => {
    expect([lifetime("15m"), lifetime("12h"), lifetime("30d")]).toEqual([HOUR_MS / 4, 12 * HOUR_MS, 30 * 24 * HOUR_MS]);
  });

  test("messages are any JSON value that is something", () => {
    expect(["0", "false", "[]", '{"text":"嗨"}', '" "'].map(messageBody)).toEqual([0, false, [], { text: "嗨" }, " "]);
  });

  test("a flag for a setting stays as it was typed", () => {
    expect(settingFlag("port")("0")).toBe("0");
  });
});

describe("what is refused, in one line", () => {
  test.each([
    { parse: id, texts: ["", "0", "-1", "1.5", "1e3", "0x1", " 1", "01", "1".repeat(16)] },
    { parse: name, texts: ["", " ", " a", "a ", "a\n", "a\x1b[31m", "\u0085", "\u3000a", "a".repeat(151)] },
    { parse: serial, texts: ["", "a".repeat(101)] },
    { parse: serviceName, texts: ["", "a".repeat(101)] },
    { parse: lifetime, texts: ["", "15", "m", "0m", "-1h", "1.5h", "30s", "1w", "3651d", "9999999d", "15m "] },
    { parse: messageBody, texts: ["", "hello", "{", "null", '""', "undefined", "NaN", "'x'"] },
    { parse: messageType, texts: [""] },
    { parse: settingFlag("port"), texts: ["", "-1", "65536", "8e3"] },
    { parse: settingFlag("host"), texts: ["", " "] },
  ])("%#", ({ parse, texts }) => {
    for (const text of texts) {
      const line = refusalOf(parse, text);
      expect(line).toMatch(/^[^\n]{1,160}$/);
    }
  });

  test("a body is not quoted, and other arguments not at length", () => {
    expect(refusalOf(messageBody, "secret")).not.toContain("secret");
    expect(refusalOf(id, "x".repeat(1_000)).length).toBeLessThan(150);
  });
});

function refusalOf(parse: (text: string) => unknown, text: string): string {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(text)} was taken`);
}
