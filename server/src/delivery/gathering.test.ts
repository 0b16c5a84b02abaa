import { beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { Gathering } from "./gathering.ts";
import { GroupCommit } from "./group-commit.ts";

/** One turn of the loop. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe("gathering before a commit", () => {
  let clock: ManualClock;
  let batches: number[];
  beforeEach(() => {
    clock = new ManualClock();
    batches = [];
  });

  /** Commits that take `tookMs` by the clock, and two turns of the loop. */
  const commits = (gathering: Gathering, tookMs = 0) =>
    new GroupCommit<number, number>({
      commit: async (items) => {
        batches.push(items.length);
        await turn();
        clock.advance(tookMs);
        await turn();
        return items;
      },
      bytesOf: () => 1,
      settled: () => {},
      failed: (error) => {
        throw error;
      },
      gathering,
    });

  /** Asks so many times, each time `turns` turns after it was answered. */
  const caller = async (group: GroupCommit<number, number>, times: number, turns = 1, first = 0) => {
    for (let n = 0; n < first; n++) await turn();
    for (let n = 0; n < times; n++) {
      await group.add(n);
      for (let m = 0; m < turns; m++) await turn();
    }
  };

  /** Two groups of four, which come to a commit in turns. */
  const twoGroups = async (group: GroupCommit<number, number>) => {
    const four = (first: number) => Array.from({ length: 4 }, () => caller(group, 6, 1, first));
    await Promise.all([...four(0), ...four(2)]);
  };

  test("callers who take turns become one batch where writer and sockets share a processor", async () => {
    await twoGroups(commits(new Gathering(clock, true)));
    expect(batches).toEqual([4, 8, 8, 8, 8, 8, 4]);
  });

  test("and where the disk is slow", async () => {
    await twoGroups(commits(new Gathering(clock, false), 2));
    expect(batches).toEqual([4, 8, 8, 8, 8, 8, 4]);
  });

  test("but go on in turns where each has its own, and the disk is fast", async () => {
    await twoGroups(commits(new Gathering(clock, false), 1.9));
    expect(batches).toEqual([4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
  });

  /** Turns that pass until `gather` resolves, while `waiting` tells how many wait; at most 100. */
  const turnsOf = async (gathering: Gathering, waiting: (turns: number) => number, most = 64) => {
    let [turns, isOver] = [0, false];
    const over = gathering
      .gather(() => waiting(turns), most)
      .then(() => {
        isOver = true;
      });
    await Promise.resolve();
    for (await Promise.resolve(); !isOver && turns < 100; turns++) await turn();
    await over;
    return turns;
  };

  const after = (outstanding: number) => {
    const gathering = new Gathering(clock, true);
    gathering.began();
    gathering.committed(outstanding);
    return gathering;
  };

  test("who is alone does not wait, nor the first of all", async () => {
    expect(await turnsOf(after(1), () => 1)).toBe(0);
    expect(await turnsOf(new Gathering(clock, true), () => 1)).toBe(0);
  });

  test("ends with the last who is expected, or when the batch is full", async () => {
    expect(await turnsOf(after(10), (turns) => 1 + turns)).toBeLessThanOrEqual(10);
    expect(await turnsOf(after(10), () => 10)).toBe(0);
    expect(await turnsOf(after(100), () => 64)).toBe(0);
  });

  test("ends eight turns after the last who came", async () => {
    expect(await turnsOf(after(10), () => 1)).toBeWithin(8, 11);
    expect(await turnsOf(after(10), (turns) => Math.min(3, 1 + turns))).toBeWithin(9, 13);
  });

  test("ends after a millisecond, however many still come", async () => {
    const gathering = after(64);
    const coming = (turns: number) => {
      clock.advance(0.3);
      return 1 + turns;
    };
    expect(await turnsOf(gathering, coming)).toBeLessThan(8);
  });
});
