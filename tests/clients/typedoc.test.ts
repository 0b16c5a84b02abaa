import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../e2e/support/command.ts";
import { outcome } from "./support/commands.ts";

test("TypeDoc makes the reference of the TypeScript client, without a warning", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lty-typedoc-"));
  try {
    const command = ["npm", "run", "--silent", "build", "-w", "docs/typedoc", "--", "--out", folder];
    const { code, stdout, stderr } = await outcome(command, ROOT);
    expect([code, stdout + stderr]).toEqual([0, expect.not.stringContaining("warning")]);
    for (const page of ["index.LtyClient", "tabs.SharedClient", "original.DeviceWebSocketClient"])
      expect(await Bun.file(join(folder, "classes", `${page}.html`)).exists(), page).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
