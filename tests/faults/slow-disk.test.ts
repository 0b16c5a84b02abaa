import { expect, test } from "bun:test";
import { slowDisk } from "./slow-disk.ts";
import { canTrace, NEEDS_TRACER } from "./support/tracer.ts";

const isTraceable = await canTrace();
const name = "a sync of 20 ms stalls no socket, and commits are shared";

test.skipIf(!isTraceable)(
  isTraceable ? name : `${name} ${NEEDS_TRACER}`,
  async () => {
    const report = await slowDisk(true);
    expect(report.problems).toEqual([]);
  },
  180_000,
);
