import { expect, test } from "bun:test";
import { join } from "node:path";
import { canPartition } from "./support/network.ts";

const isAllowed = await canPartition();
const name = "a node that is cut off from PostgreSQL costs no message, and each device has one connection after";

test.skipIf(!isAllowed)(
  isAllowed ? name : `${name} [needs root and network namespaces]`,
  async () => {
    const script = Bun.spawn([process.execPath, join(import.meta.dir, "partitions.ts"), "--short"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [code, ...said] = await Promise.all([script.exited, script.stdout.text(), script.stderr.text()]);
    expect({ code, said: code === 0 ? [] : said }).toEqual({ code: 0, said: [] });
  },
  240_000,
);
