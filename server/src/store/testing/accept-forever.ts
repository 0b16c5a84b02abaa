/** Has messages accepted through a writer's thread until it is killed, and prints the id of each once that is promised. */
import { writeSync } from "node:fs";
import { DEFAULT_QUOTA } from "../log-store.ts";
import { ThreadWriter } from "../sqlite-writer.ts";
import { aMessage } from "./log-under-test.ts";

const AT_ONCE = 4;
const BATCH = 16;

const writer = new ThreadWriter(process.argv[2] ?? "", DEFAULT_QUOTA);
await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => accept(lane)));

async function accept(lane: number): Promise<never> {
  for (let n = 0; ; n += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, index) => aMessage({ messageId: `${lane}-${n + index}` }));
    await writer.call("accept", batch);
    writeSync(1, `${batch.map(({ messageId }) => messageId).join("\n")}\n`);
  }
}
