import { beforeEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../../../testkit/src/manual-clock.ts";
import { Gathering } from "./gathering.ts";
import { GroupCommit } from "./group-commit.ts";

/** One turn of the loop. */
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const turns = async (count: number) => {
  for (let n = 0; n < count; n++) await turn();
};

describe("who is told of what is on disk", () => {
  /** What happened, in order: `begins 2` is the commit of two, `tells a` the telling, `answers a` the caller's answer. */
  let events: string[];
  let errors: unknown[];
  /** Ends the commit that is under way; with an error it fails. */
  let end: (error?: Error) => void;
  beforeEach(() => {
    [events, errors] = [[], []];
  });

  const commits = (gathering?: Gathering) =>
    new GroupCommit<string, string>({
      commit: (items) => {
        events.push(`begins ${items.join("")}`);
        return new Promise((resolve, reject) => {
          end = (error) => (error === undefined ? resolve(items) : reject(error));
        });
      },
      bytesOf: () => 1,
      settled: (item) => {
        events.push(`tells ${item}`);
        if (item === "x") throw new Error("telling failed");
      },
      failed: (error) => errors.push(error),
      gathering,
    });

  const ask = (group: GroupCommit<string, string>, items: string) => {
    for (const item of items) {
      group.add(item).then(
        () => events.push(`answers ${item}`),
        () => events.push(`refuses ${item}`),
      );
    }
  };

  /** Ends the commit that is under way, and lets its answers out. */
  const ended = async (error?: Error) => {
    end(error);
    await Promise.resolve();
    await Promise.resolve();
  };

  const each = (verb: string, items: string) => [...items].map((item) => `${verb} ${item}`);
  const shared = () => new Gathering(new ManualClock(), true);

  test("is told first where nothing is gathered, and where few are answered at once", async () => {
    for (const group of [commits(), commits(shared())]) {
      events = [];
      ask(group, "abc");
      await turns(2);
      await ended();
      await turn();
      expect(events).toEqual(["begins abc", ...each("tells", "abc"), ...each("answers", "abc")]);
    }
  });

  test("is told while the disk takes what many callers ask for next, batch after batch in order", async () => {
    const group = commits(shared());
    ask(group, "abcd");
    await turns(2);
    await ended();
    expect(events.splice(0)).toEqual(["begins abcd", ...each("answers", "abcd")]);
    ask(group, "efgh");
    await turns(2);
    expect(events.splice(0)).toEqual(["begins efgh", ...each("tells", "abcd")]);
    await ended();
    ask(group, "ijkl");
    await turns(2);
    expect(events.splice(0)).toEqual([...each("answers", "efgh"), "begins ijkl", ...each("tells", "efgh")]);
  });

  test("is told all the same when none of the many come back", async () => {
    const group = commits(shared());
    ask(group, "abcd");
    await turns(2);
    await ended();
    await turns(10);
    expect(events.splice(0)).toEqual(["begins abcd", ...each("answers", "abcd"), ...each("tells", "abcd")]);
    // And who comes later begins anew.
    ask(group, "e");
    await turns(10);
    expect(events).toEqual(["begins e"]);
  });

  test("nobody, when a commit cannot even be begun; who asks next is served", async () => {
    let broken = true;
    const group = new GroupCommit<string, string>({
      commit: (items) => {
        if (broken) throw new Error("it would not begin");
        return Promise.resolve(items);
      },
      bytesOf: () => 1,
      settled: (item) => events.push(`tells ${item}`),
      failed: (error) => errors.push(error),
    });
    ask(group, "ab");
    await turns(2);
    broken = false;
    ask(group, "c");
    await turns(2);
    expect(events).toEqual([...each("refuses", "ab"), "tells c", "answers c"]);
    expect(errors.map(String)).toEqual(["Error: it would not begin"]);
  });

  test("is told when the next commit fails, and when telling somebody else did", async () => {
    const group = commits(shared());
    ask(group, "axbc");
    await turns(2);
    await ended();
    ask(group, "efgh");
    await turns(2);
    await ended(new Error("the disk is full"));
    await turns(10);
    expect(events).toEqual([
      ...["begins axbc", ...each("answers", "axbc")],
      ...["begins efgh", ...each("tells", "axbc"), ...each("refuses", "efgh")],
    ]);
    expect(errors.map(String)).toEqual(["Error: telling failed", "Error: the disk is full"]);
  });
});
