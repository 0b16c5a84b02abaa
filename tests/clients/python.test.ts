/** The tests of the Python client, which are written in Python: run here, so that `npm test` runs them. Its wheel: python-package.test.ts. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outcome, succeed } from "./support/commands.ts";
import { PACKAGE, prepareOldest, preparePython, program } from "./support/python.ts";

const INSTALL_MS = 200_000;
const LONG_MS = 200_000;

const reference = mkdtempSync(join(tmpdir(), "qy-lty-pdoc-"));

beforeAll(preparePython, INSTALL_MS);
afterAll(() => rmSync(reference, { recursive: true }));

for (const [folder, what] of [
  ["unit", "alone, with a scripted gateway and a clock that is turned"],
  ["server", "against a real server"],
]) {
  test(`pytest tests/${folder}: ${what}`, () => pytest(`tests/${folder}`), LONG_MS);
}

test(
  "it works with the oldest websockets that it takes",
  async () => {
    const python = await prepareOldest();
    const said = await succeed(
      [python, "-m", "pytest", "-p", "no:cacheprovider", "tests/server/test_gateway.py"],
      PACKAGE,
    );
    expect(said).toMatch(/\d+ passed/);
  },
  INSTALL_MS,
);

test(
  "pdoc makes the reference, without a warning",
  async () => {
    const { code, stderr } = await outcome([program("python"), "-m", "pdoc", "-o", reference, "qy_lty"], PACKAGE, {
      PYTHONPATH: join(PACKAGE, "src"),
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(await Bun.file(join(reference, "qy_lty.html")).text()).toContain("LtyClient");
  },
  LONG_MS,
);

test("mypy --strict", () => succeed([program("mypy"), "--cache-dir=/dev/null"], PACKAGE), LONG_MS);

test("ruff check", () => succeed([program("ruff"), "check", "--no-cache", "--quiet"], PACKAGE));

test("ruff format", () => succeed([program("ruff"), "format", "--no-cache", "--check", "--quiet"], PACKAGE));

async function pytest(...args: string[]): Promise<void> {
  const said = await succeed([program("python"), "-m", "pytest", "-p", "no:cacheprovider", ...args], PACKAGE);
  expect(said).toMatch(/\d+ passed/);
}
