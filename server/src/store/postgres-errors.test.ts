import { describe, expect, test } from "bun:test";
import { untilSettled } from "./postgres-errors.ts";

const failure = (code: string) => Object.assign(new Error(code), { code });

describe("untilSettled", () => {
  test.each(["40P01", "40001"])("runs a transaction again that lost to another (%s)", async (code) => {
    let runs = 0;
    const lose = async () => {
      if (++runs < 3) throw failure(code);
      return "done";
    };
    expect(await untilSettled(lose)).toBe("done");
    expect(runs).toBe(3);
  });

  test("gives up after five times, and at once where anything else went wrong", async () => {
    for (const [code, expected] of [
      ["40P01", 5],
      ["23505", 1],
    ] as const) {
      let runs = 0;
      const fail = async () => {
        runs += 1;
        throw failure(code);
      };
      await expect(untilSettled(fail)).rejects.toMatchObject({ code });
      expect(runs).toBe(expected);
    }
  });
});
