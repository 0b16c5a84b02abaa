import { describe, expect, test } from "bun:test";
import { Inbox, MAX_WAITING_CHARS, MAX_WAITING_FRAMES } from "./inbox.ts";

describe("Inbox", () => {
  test("first in, first out, and then nothing", () => {
    const inbox = new Inbox<string>();
    for (const work of ["a", "b", "c"]) inbox.push(work, 1);
    expect([inbox.shift(), inbox.shift(), inbox.shift(), inbox.shift()]).toEqual(["a", "b", "c", undefined]);
  });

  test.each([
    ["frames", MAX_WAITING_FRAMES, 1],
    ["characters", 4, MAX_WAITING_CHARS / 4],
  ])("is full by %s, and has room again at half of that", (_, count, chars) => {
    const inbox = new Inbox<number>();
    for (let i = 1; i < count; i++) inbox.push(i, chars);
    expect(inbox.full).toBe(false);
    inbox.push(count, chars);
    expect([inbox.full, inbox.hasRoom]).toEqual([true, false]);
    for (let i = 1; i < count / 2; i++) inbox.shift();
    expect([inbox.full, inbox.hasRoom]).toEqual([false, false]);
    inbox.shift();
    expect([inbox.full, inbox.hasRoom]).toEqual([false, true]);
  });

  test("what left is no longer counted", () => {
    const inbox = new Inbox<number>();
    for (let i = 0; i < 1_000; i++) {
      inbox.push(i, MAX_WAITING_CHARS - 1);
      expect(inbox.full).toBe(false);
      inbox.shift();
      inbox.shift();
    }
    expect(inbox.hasRoom).toBe(true);
  });
});
