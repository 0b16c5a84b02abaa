import { describe, expect, test } from "bun:test";
import { readPassword } from "./password.ts";

async function* chunks(...parts: (string | Uint8Array)[]) {
  for (const part of parts) yield typeof part === "string" ? new TextEncoder().encode(part) : part;
}

describe("readPassword", () => {
  test.each([
    { input: ["hunter2\n"], password: "hunter2" },
    { input: ["hunter2"], password: "hunter2" },
    { input: ["hunter2\r\n"], password: "hunter2" },
    { input: ["hun", "ter2\nsecond line\n"], password: "hunter2" },
    { input: [" spaces count \n"], password: " spaces count " },
    { input: [`${"密".repeat(341)}x\n`], password: `${"密".repeat(341)}x` },
  ])("takes the first line of $input", async ({ input, password }) => {
    expect(await readPassword(chunks(...input))).toBe(password);
  });

  test.each([
    { input: [], why: /empty/ },
    { input: ["\nsecond line"], why: /empty/ },
    { input: ["x".repeat(1_025)], why: /longer than 1024 bytes/ },
    { input: ["密".repeat(342), "\n"], why: /longer than 1024 bytes/ },
    { input: [new Uint8Array([0xff, 0x0a])], why: /UTF-8/ },
  ])("refuses $why", ({ input, why }) => {
    expect(readPassword(chunks(...input))).rejects.toThrow(why);
  });

  test("reads no further than it must", async () => {
    async function* endless() {
      for (;;) yield new Uint8Array(512).fill(0x61);
    }
    expect(readPassword(endless())).rejects.toThrow(/longer/);
  });
});
