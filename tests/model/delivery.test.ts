import { describe, expect, test } from "bun:test";
import type { Command } from "./commands.ts";
import { DISKS } from "./disk.ts";
import { FOUND } from "./found.ts";
import { LIMIT_MS, play, RUNS, tellStories } from "./tell.ts";

/** What happened in any of the stories. */
const seen = new Set<string>();
const see = (what: string) => void seen.add(what);

describe.each(DISKS.map((kind) => [kind.name, kind] as const))("nothing accepted is lost, on %s", (_, kind) => {
  test.each(FOUND.map(({ name, commands }) => [name, commands] as const))("%s", async (_name, commands) => {
    await play(kind, commands, see);
  });

  // Threads are started anew for each process of a story: where time is short there are fewer.
  const runs = RUNS < 1_000 ? Math.ceil(RUNS * kind.share) : RUNS;
  test(`whatever happens, ${runs} times`, () => tellStories(kind, runs, see), LIMIT_MS);
});

/** Connects as often as a message is tried, receives it, and never has it handled. */
const DESPERATE: readonly Command[] = [
  { do: "send", to: null, ttlMs: 86_400_000, size: 0, at: 0 },
  ...Array.from({ length: 5 }, (): Command[] => [
    { do: "connect", who: 4 },
    { do: "read", who: 4, most: 10 },
    { do: "pass", ms: 6_000 },
    { do: "cut", who: 4, end: "both" },
  ]).flat(),
  { do: "connect", who: 4 },
  { do: "read", who: 4, most: 10 },
];

// The rarest corner: one random story in forty comes to it.
test("what a client does not get over is set aside", async () => {
  const [kind] = DISKS;
  const here = new Set<string>();
  if (kind !== undefined) await play(kind, DESPERATE, (what) => here.add(what));
  expect([...here]).toContain("skip dead");
  for (const what of here) see(what);
});

/** What has to have happened in some story: one in which nothing goes wrong shows nothing. */
const CORNERS = [
  "accepted",
  "closed 1012",
  "closed 4009",
  "closed 4011",
  "conflict",
  "congested",
  "deleted",
  "duplicate",
  "full window",
  "not-bound",
  "over-quota",
  "rebound",
  "redelivered",
  "reset, ahead of the log",
  "reset, forgotten",
  "reset, from another epoch",
  "reset, overtaken by the log",
  "resumed",
  "skip dead",
  "skip expired",
  "skip filtered",
  "unavailable",
];

if (RUNS >= 100) {
  test("every corner was reached", () => {
    expect(CORNERS.filter((corner) => !seen.has(corner))).toEqual([]);
  });
}
