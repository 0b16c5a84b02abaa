import { describe, expect, test } from "bun:test";
import { MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES, Window } from "./window.ts";

/** A window that starts at `acked`: numbers are sent, numbers in brackets passed over. */
function windowOf(acked: number, ...entries: (number | [number])[]): Window {
  const window = new Window(acked);
  entries.forEach((entry, index) => {
    if (Array.isArray(entry)) window.skip(entry[0], index);
    else window.send(entry, 10, index);
  });
  return window;
}

describe("a window", () => {
  test("begins where the consumer stands", () => {
    const window = new Window(7);
    expect([window.acked, window.sent, window.inFlight, window.room]).toEqual([7, 7, 0, MAX_IN_FLIGHT]);
    expect(window.head).toBeUndefined();
  });

  test("counts what is under way, and frees it up to what is acknowledged", () => {
    const window = windowOf(0, 1, 2, 3);
    expect([window.inFlight, window.room, window.head]).toEqual([
      3,
      MAX_IN_FLIGHT - 3,
      expect.objectContaining({ seq: 1 }),
    ]);
    expect(window.acknowledge(2)).toBe(true);
    expect([window.acked, window.inFlight, window.room]).toEqual([2, 1, MAX_IN_FLIGHT - 1]);
    expect(window.head).toMatchObject({ seq: 3, sentAt: 2 });
    expect(window.acknowledge(3)).toBe(true);
    expect([window.inFlight, window.head]).toEqual([0, undefined]);
  });

  test("has no room once it is full of messages, or of bytes", () => {
    const many = windowOf(0, ...Array.from({ length: MAX_IN_FLIGHT }, (_, index) => index + 1));
    expect(many.room).toBe(0);
    const large = new Window(0);
    large.send(1, MAX_IN_FLIGHT_BYTES - 1, 0);
    expect(large.room).toBe(MAX_IN_FLIGHT - 1);
    large.send(2, 1, 0);
    expect(large.room).toBe(0);
    large.acknowledge(1);
    expect(large.room).toBe(MAX_IN_FLIGHT - 1);
  });

  test.each([4, 2.5, 0, -1, Number.NaN, Number.POSITIVE_INFINITY])("an acknowledgement of %d moves nothing", (seq) => {
    const window = windowOf(0, 1, 2, 3);
    window.acknowledge(1);
    expect(window.acknowledge(seq)).toBe(false);
    expect([window.acked, window.inFlight]).toEqual([1, 2]);
    expect(window.acknowledge(1)).toBe(false);
    expect(window.acknowledge(3)).toBe(true);
  });

  test.each([
    ["with nothing before it is handled at once", windowOf(0, [3]), [3, 0, undefined]],
    ["with nothing before it goes on being so", windowOf(0, [3], [9]), [9, 0, undefined]],
    ["behind a message waits for that", windowOf(0, 1, [3]), [0, 1, 1]],
  ])("what is passed over %s", (_, window, [acked, inFlight, head]) => {
    expect([window.acked, window.inFlight, window.head?.seq]).toEqual([acked, inFlight, head]);
  });

  test.each([
    ["the message before a stretch", 1, 5, 6],
    ["the middle of a stretch", 3, 5, 6],
    ["the end of a stretch", 5, 5, 6],
    ["the message behind a stretch", 6, 6, 8],
    ["the last message", 8, 10, undefined],
    ["the last stretch", 10, 10, undefined],
  ])("acknowledging %s handles what was passed over next to it", (_, seq, acked, head) => {
    const window = windowOf(0, 1, [3], [5], 6, 8, [9], [10]);
    expect(window.acknowledge(seq)).toBe(true);
    expect([window.acked, window.head?.seq]).toEqual([acked, head]);
    expect(window.inFlight).toBe([1, 6, 8].filter((sent) => sent > acked).length);
  });

  test("what is passed over takes no room", () => {
    const window = windowOf(0, 1, [2], [3], [4]);
    expect([window.sent, window.inFlight, window.room]).toEqual([4, 1, MAX_IN_FLIGHT - 1]);
  });
});
