import { describe, test } from "bun:test";
import fc from "fast-check";
import { type Command, command, run } from "./commands.ts";
import { DISKS, type DiskKind } from "./disk.ts";
import { World } from "./world.ts";

/** Runs on each kind of disk: `LTY_MODEL_RUNS=1000` is the long form. */
const RUNS = Number(process.env.LTY_MODEL_RUNS ?? 100);
/** Replays a run that failed, as the failure says it. */
const SEED = process.env.LTY_MODEL_SEED;
const LONGEST = 60;

export async function play(kind: DiskKind, commands: readonly Command[]): Promise<void> {
  const world = await World.make(kind);
  try {
    for (const next of commands) await run(next, world);
    await world.finish();
  } finally {
    world.disk[Symbol.dispose]();
  }
}

describe.each(DISKS.map((kind) => [kind.name, kind] as const))("nothing accepted is lost, on %s", (_, kind) => {
  test(
    `whatever happens, ${RUNS} times`,
    async () => {
      const commands = fc.array(command, { maxLength: LONGEST, size: "max" });
      const property = fc.asyncProperty(commands, (story) => play(kind, story));
      await fc.assert(property, {
        numRuns: RUNS,
        ...(SEED !== undefined && { seed: Number(SEED) }),
        reporter: (details) => {
          if (!details.failed) return;
          const { seed, numShrinks, counterexample, errorInstance } = details;
          const story = counterexample?.[0].map((step) => `  ${JSON.stringify(step)},`).join("\n");
          throw new Error(`${errorInstance}\nseed ${seed}, after ${numShrinks} shrinks:\n${story}`);
        },
      });
    },
    20 * 60_000,
  );
});
