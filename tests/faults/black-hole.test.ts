import { expect, test } from "bun:test";
import { join } from "node:path";
import { canIsolate } from "./black-hole.ts";

const isIsolated = await canIsolate();
const name = "black-holed peers are let go within 2.5 heartbeats and lose nothing";

test.skipIf(!isIsolated)(
  isIsolated ? name : `${name} [needs a network namespace]`,
  async () => {
    const script = Bun.spawn([process.execPath, join(import.meta.dir, "black-hole.ts"), "--short"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [code, ...said] = await Promise.all([script.exited, script.stdout.text(), script.stderr.text()]);
    expect({ code, said: code === 0 ? [] : said }).toEqual({ code: 0, said: [] });
  },
  180_000,
);
