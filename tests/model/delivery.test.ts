import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Command, run } from "./commands.ts";
import { DISKS, type DiskKind } from "./disk.ts";
import { finish } from "./finish.ts";
import { FOUND } from "./found.ts";
import { story } from "./stories.ts";
import { World } from "./world.ts";

/** Stories on each kind of disk. The long form is `LTY_MODEL_RUNS=1000`. */
const RUNS = Number(process.env.LTY_MODEL_RUNS ?? 100);
/** Tells the stories of this seed, as a failure names it. */
const SEED = process.env.LTY_MODEL_SEED;
const LIMIT_MS = 30 * 60_000;

/** What happened in any of the stories. */
const seen = new Set<string>();

async function play(kind: DiskKind, commands: readonly Command[]): Promise<void> {
  await using world = await World.make(kind, (what) => void seen.add(what));
  for (const command of commands) await run(command, world);
  await finish(world);
}

describe.each(DISKS.map((kind) => [kind.name, kind] as const))("nothing accepted is lost, on %s", (_, kind) => {
  test.each(FOUND.map(({ name, commands }) => [name, commands] as const))("%s", async (_name, commands) => {
    await play(kind, commands);
  });

  // Threads are started anew for each process of a story: where time is short there are fewer.
  const runs = RUNS < 1_000 ? Math.ceil(RUNS * kind.share) : RUNS;
  const tellStories = async () => {
    const property = fc.asyncProperty(story, (commands) => play(kind, commands));
    await fc.assert(property, {
      numRuns: runs,
      ...(SEED !== undefined && { seed: Number(SEED) }),
      reporter: (details) => {
        if (!details.failed) return;
        const { seed, numShrinks, counterexample, errorInstance } = details;
        const commands = counterexample?.[0].map((command) => `  ${JSON.stringify(command)},`).join("\n");
        throw new Error(`${errorInstance}\nseed ${seed}, after ${numShrinks} shrinks:\n${commands}`);
      },
    });
  };
  test(`whatever happens, ${runs} times`, tellStories, LIMIT_MS);
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
