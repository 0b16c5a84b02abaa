import { expect, test } from "bun:test";
import { MAX_APPS } from "../store/log-store.ts";
import { Workbench } from "./testing/workbench.ts";

const DAY_MS = 86_400_000;

test(`an app that is connected is not the longest unseen when there are more than ${MAX_APPS}, however long it was silent`, async () => {
  const bench = new Workbench();
  const cursorOf = (name: string) => bench.memory.cursor({ userId: 1, consumer: `app:1:${name}` });
  await bench.connect("app:1:silent");
  bench.clock.advance(DAY_MS);
  for (let n = 1; n <= MAX_APPS; n++) {
    const { pump } = await bench.connect(`app:1:${n}`);
    pump.close();
    bench.clock.advance(1_000);
    await bench.consumers.flush();
  }
  expect(cursorOf("silent")).toBeDefined();
  expect(cursorOf("1")).toBeUndefined();
  // Whatever happens to the process: it did not handle what comes now, and gets it.
  await bench.take(1, { expiresAt: bench.clock.now() + DAY_MS });
  await bench.restart();
  expect((await bench.connect("app:1:silent")).said).toEqual(["1"]);
});
