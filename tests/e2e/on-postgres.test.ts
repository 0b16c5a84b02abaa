import { expect, test } from "bun:test";
import { join } from "node:path";
import { startPostgres } from "@qy-lty/testkit";

const FOLDER = import.meta.dir;
const LIMIT_MS = 570_000;

/** What a database has a part in. Others are about SQLite's file, or see that it answers within the turn of the loop. */
const HERE = [
  ...["apps", "authority", "dead", "greeting", "original", "restart", "resume", "states", "takeover", "uplink"].map(
    (name) => `log-${name}`,
  ),
  ...["devices", "presence", "push", "queue", "tokens", "users"].map((name) => `http-${name}`),
  "websocket-authority",
];

test(
  "whatever a server does on SQLite, it does on PostgreSQL",
  async () => {
    await using postgres = await startPostgres();
    const files = HERE.map((name) => join(FOLDER, `${name}.test.ts`));
    const child = Bun.spawn([process.execPath, "test", "--timeout=60000", "--only-failures", ...files], {
      env: { ...process.env, TEST_POSTGRES: `postgres://lty@127.0.0.1:${postgres.service.port}` },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [code, output] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    if (code !== 0) console.error(output);
    expect(output).toMatch(/\n *[1-9]\d+ pass\n/);
    expect(code).toBe(0);
  },
  LIMIT_MS,
);
