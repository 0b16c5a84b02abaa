import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { LTY, Sandbox } from "./testing/sandbox.ts";

setDefaultTimeout(120_000);

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const COMMANDS = [
  "serve",
  "migrate",
  "backup",
  "import-django",
  "check-config",
  "config-doc",
  "doctor",
  "health",
  "user create",
  "user list",
  "user disable",
  "user enable",
  "device create",
  "device list",
  "device bind",
  "device unbind",
  "token create",
  "token list",
  "token revoke",
  "audit",
  "send",
  "bench",
];

describe.concurrent("help", () => {
  test("lists every command, and no other", async () => {
    const { code, stdout, stderr } = await sandbox.lty(["--help"]);
    const listed = [...(stdout.split("Commands:")[1] ?? "").matchAll(/^ {2}([a-z-]+(?: [a-z-]+)?)/gm)].map(
      ([, name]) => name,
    );
    expect(listed).toEqual(COMMANDS);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("is what no command at all gives", async () => {
    expect(await sandbox.lty([])).toEqual(await sandbox.lty(["--help"]));
  });

  test.each(COMMANDS)("of `lty %s` has an example of it, and --json", async (command) => {
    const { code, stdout, stderr } = await sandbox.lty([...command.split(" "), "--help"]);
    expect(stdout).toStartWith(`Usage: lty ${command} `);
    expect(stdout).toMatch(new RegExp(`\nExample:\n {2}\\$ .*lty ${command}`));
    expect(stdout).toContain("--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("of a group lists its commands", async () => {
    const { stdout } = await sandbox.lty(["token", "--help"]);
    expect([...stdout.matchAll(/^ {2}token ([a-z]+)/gm)].map(([, name]) => name)).toEqual(["create", "list", "revoke"]);
  });
});

describe.concurrent("the command", () => {
  test("tells its version", async () => {
    expect(await sandbox.lty(["--version"])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  test("needs no Bun on the PATH, and finds itself through links from anywhere", async () => {
    expect((await sandbox.run(["/bin/sh", "-c", "command -v bun"])).code).not.toBe(0);
    const link = join(sandbox.folder, "linked");
    await symlink(LTY, link);
    expect((await sandbox.run(["./linked", "--version"])).code).toBe(0);
    expect((await sandbox.run([link, "--version"], { cwd: "/" })).code).toBe(0);
  });

  test("works in the current directory, and reads no .env file there", async () => {
    await using elsewhere = await Sandbox.create();
    await Bun.write(join(elsewhere.folder, ".env"), "LTY_PROT=1\n");
    expect((await elsewhere.lty(["migrate"])).code).toBe(0);
    expect(await Bun.file(join(elsewhere.folder, "data/lty.db")).exists()).toBe(true);
  });

  test("a reader that has seen enough is no error", async () => {
    await using crowded = await Sandbox.create();
    const { SqliteStore } = await import("@qy-lty/server/store/sqlite.ts");
    const { SystemClock } = await import("@qy-lty/server/platform/clock.ts");
    const store = await SqliteStore.open(`sqlite:${crowded.folder}/data/lty.db`, new SystemClock());
    // More than a pipe holds, so that the command still writes when its reader leaves.
    for (let i = 0; i < 200; i++) await store.users.create({ username: `${i}${"名".repeat(140)}` });
    await store.close();

    for (const format of ["", "--json"]) {
      const script = `{ "${LTY}" user list ${format}; echo "exit $?" >&2; } | head -c 1`;
      const { stdout, stderr } = await crowded.run(["/bin/sh", "-c", script]);
      expect(stdout).toHaveLength(1);
      expect(stderr).toBe("exit 0\n");
    }
  });

  test("says so when stdout cannot be written", async () => {
    const { stderr } = await sandbox.run(["/bin/sh", "-c", `"${LTY}" config-doc >/dev/full; echo "exit $?" >&2`]);
    expect(stderr).toMatch(/^lty: ENOSPC.*\nexit 1\n$/);
  });
});
