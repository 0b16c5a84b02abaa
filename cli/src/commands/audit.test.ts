import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Sandbox } from "../testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

test("nothing, then what every command has changed, newest first, without a value or a secret", async () => {
  expect((await sandbox.lty(["audit"])).stdout).toBe("Nothing was changed yet.\n");
  for (const words of [
    ["user", "create", "alice"],
    ["user", "disable", "alice"],
    ["user", "enable", "alice"],
    ["device", "create", "speaker", "--user", "alice", "--primary"],
    ["device", "unbind", "1"],
    ["device", "bind", "1", "--user", "alice", "--primary"],
    ["token", "create", "--user", "alice"],
    ["token", "revoke", "1"],
  ]) {
    expect((await sandbox.lty(words)).code).toBe(0);
  }
  const entries = (await sandbox.json(["audit"])) as { what: string; who: string; subject: object; at: string }[];
  expect(entries.map(({ what, subject }) => [what, subject])).toEqual([
    ["token revoked", { token_id: 1 }],
    ["token created", { token_id: 1, prefix: expect.any(String), kind: "user", user_id: 1 }],
    ["device changed", { device_id: 1, fields: ["user_id", "is_primary"] }],
    ["device changed", { device_id: 1, fields: ["user_id"] }],
    ["device created", { device_id: 1, user_id: 1 }],
    ["user changed", { user_id: 1, fields: ["is_active"] }],
    ["user changed", { user_id: 1, fields: ["is_active"] }],
    ["user created", { user_id: 1 }],
  ] as never);
  for (const entry of entries) expect(entry).toMatchObject({ who: "cli", request_id: null });
  const { stdout } = await sandbox.lty(["audit", "--limit", "1"]);
  expect(stdout).toContain("token revoked");
  expect(stdout.trim().split("\n").length).toBe(2);
});

test.each(["0", "-1", "1001", "many", "1.5"])("a limit of %s is refused", async (limit) => {
  const { code, stderr } = await sandbox.lty(["audit", `--limit=${limit}`]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("from 1 to 1,000") });
});
