import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Long enough for a file that ends, on a busy machine; one that never does takes all of it. */
const LIMIT_S = 8;
const SCRIPT = fileURLToPath(new URL("../../scripts/test.mjs", import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "qy-lty-runner-"));
});
afterEach(() => rm(root, { recursive: true }));

/** Writes test files and starts the script on them. */
async function start(files: Readonly<Record<string, string>>, env: Record<string, string>, ...options: string[]) {
  for (const [name, body] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `import { afterAll, expect, test } from "bun:test";\n${body}\n`);
  }
  return Bun.spawn(["node", SCRIPT, "--root", root, ...options], {
    env: { ...process.env, ...env },
    stderr: "inherit",
  });
}

/** Runs the script on test files; answers its exit code, what it printed, and the last line of that. */
async function run(files: Readonly<Record<string, string>>, ...options: string[]) {
  const script = await start(files, { LTY_TOKEN: "of-the-developer" }, ...options);
  const output = await script.stdout.text();
  return { exitCode: await script.exited, output, last: output.trimEnd().split("\n").at(-1) };
}

describe("the test script", () => {
  test("counts what passed and what was skipped for a reason, below every folder but those of others", async () => {
    const { exitCode, last } = await run({
      "a.test.ts": 'test("one", () => {}); test("two", () => {});',
      "deep/er/b.test.ts": 'test("three", () => {}); test.skip("four [needs a moon]", () => {});',
      "node_modules/x/c.test.ts": 'test("not ours", () => expect(1).toBe(2));',
      ".cache/d.test.ts": 'test("not ours", () => expect(1).toBe(2));',
    });
    expect([exitCode, last]).toEqual([0, "3 passed, 0 failed, 1 skipped"]);
  });

  test.each([
    ["a test fails", 'test("no", () => expect(1).toBe(2));', "1 passed, 1 failed, 0 skipped", "1 of its tests failed"],
    ["its process ends early", 'test("no", () => process.exit(0));', "1 passed, 1 failed, 0 skipped", "left no result"],
    ["an import fails", 'import "./nowhere.ts";', "1 passed, 1 failed, 0 skipped", "left no result (exit code 1)"],
    ["it holds no test", "", "1 passed, 1 failed, 0 skipped", "left no result (exit code 0)"],
    [
      "it fails after its tests",
      'test("yes", () => {}); afterAll(() => { throw new Error("late"); });',
      "2 passed, 1 failed, 0 skipped",
      "1 of its tests failed",
    ],
    [
      "a skip gives no reason",
      'test.skip("because", () => {});',
      "1 passed, 1 failed, 1 skipped",
      "skipped without a reason: because",
    ],
    [
      "it never ends",
      'test("no", () => { for (;;); });',
      "1 passed, 1 failed, 0 skipped",
      `still running after ${LIMIT_S} s`,
    ],
  ])("names a file when %s, and runs the others", async (_, body, closing, problem) => {
    const limit = body.includes("for (;;)") ? ["--limit", String(LIMIT_S)] : [];
    const { exitCode, last, output } = await run(
      { "bad.test.ts": body, "good.test.ts": 'test("yes", () => {});' },
      ...limit,
    );
    expect([exitCode, last]).toEqual([1, closing]);
    expect(output).toContain(`✗ bad.test.ts: ${problem}`);
    expect(output).toContain(`  bad.test.ts: ${problem}`);
  });

  test("shows what a failed test had to say", async () => {
    const { output } = await run({ "a.test.ts": 'test("no", () => { throw new Error("the cause"); });' });
    expect(output).toContain("the cause");
  });

  test("no file at all is a failure", async () => {
    expect(await run({})).toMatchObject({ exitCode: 1, last: "0 passed, 1 failed, 0 skipped" });
  });

  test("parts of paths choose files", async () => {
    const files = { "apple.test.ts": 'test("1", () => {});', "pear.test.ts": 'test("2", () => expect(1).toBe(2));' };
    expect(await run(files, "apple")).toMatchObject({ exitCode: 0, last: "1 passed, 0 failed, 0 skipped" });
  });

  test("settings of whoever runs it do not reach the tests", async () => {
    const body = 'test("none", () => expect(process.env.LTY_TOKEN).toBeUndefined());';
    expect(await run({ "a.test.ts": body, ".env": "LTY_TOKEN=x" })).toMatchObject({ exitCode: 0 });
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s ends the tests and what they started", async (signal) => {
    const lines = new Lines();
    const holdTheLine = `Bun.connect({ hostname: "127.0.0.1", port: ${lines.port}, socket: { data() {} } })`;
    const body = `test("waits", async () => {
      const child = Bun.spawn([process.execPath, "-e", ${JSON.stringify(`await ${holdTheLine}`)}]);
      await ${holdTheLine};
      await child.exited;
    }, 60_000);`;
    const script = await start({ "a.test.ts": body, "b.test.ts": body }, {}, "--jobs", "1");
    await lines.held(2);
    script.kill(signal);
    expect(await script.exited).toBe(130);
    expect(await script.stdout.text()).not.toContain("passed");
    await lines.held(0);
    lines.stop();
  });
});

/** A line that breaks when the process at its other end does. */
class Lines {
  #open = 0;
  #waiting: (() => void) | undefined;
  readonly #listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => this.#changed(1), close: () => this.#changed(-1), data: () => {} },
  });

  get port(): number {
    return this.#listener.port;
  }

  async held(count: number): Promise<void> {
    while (this.#open !== count) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }

  stop(): void {
    this.#listener.stop(true);
  }

  #changed(by: number): void {
    this.#open += by;
    this.#waiting?.();
  }
}
