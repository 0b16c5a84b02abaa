import fc from "fast-check";
import { type Command, run } from "./commands.ts";
import type { DiskKind } from "./disk.ts";
import { finish } from "./finish.ts";
import { story } from "./stories.ts";
import { World } from "./world.ts";

/** Stories on each kind of disk. The long form is `LTY_MODEL_RUNS=1000`. */
export const RUNS = Number(process.env.LTY_MODEL_RUNS ?? 100);
/** Stories take as long as they do. */
export const LIMIT_MS = 240 * 60_000;
/** Tells the stories of this seed, as a failure names it. */
const SEED = process.env.LTY_MODEL_SEED;

/** Lets it all happen; `see` is told of what is worth knowing. @throws Violation */
export async function play(
  kind: DiskKind,
  commands: readonly Command[],
  see: (what: string) => void = () => {},
): Promise<void> {
  await using world = await World.make(kind, see);
  for (const command of commands) await run(command, world);
  await finish(world);
}

/** Tells so many stories. @throws Error with a seed, and the shortest story that fails as the first did */
export async function tellStories(kind: DiskKind, runs: number, see: (what: string) => void): Promise<void> {
  const property = fc.asyncProperty(story, (commands) => play(kind, commands, see));
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
}
