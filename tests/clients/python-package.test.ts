/** The Python client as its users get it: a wheel in a fresh environment. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outcome, succeed } from "./support/commands.ts";
import { PACKAGE, preparePython, program } from "./support/python.ts";

const LONG_MS = 200_000;
const folder = mkdtempSync(join(tmpdir(), "qy-lty-wheel-"));
const fresh = join(folder, "venv", "bin", "python");

beforeAll(preparePython, LONG_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(
  "a wheel is built, and installs into a fresh environment with websockets alone",
  async () => {
    await succeed([program("python"), "-m", "build", "--no-isolation", "--outdir", folder, PACKAGE], folder);
    const [wheel = ""] = readdirSync(folder).filter((file) => file.endsWith(".whl"));
    const [source = ""] = readdirSync(folder).filter((file) => file.endsWith(".tar.gz"));
    expect([wheel, source]).toEqual(["qy_lty-0.1.0-py3-none-any.whl", "qy_lty-0.1.0.tar.gz"]);
    const listed = await succeed([program("python"), "-m", "zipfile", "-l", join(folder, wheel)], folder);
    for (const file of ["qy_lty/py.typed", "qy_lty/frames.py", "licenses/LICENSE"]) expect(listed).toContain(file);
    expect(listed).not.toContain("test_");

    await succeed(["python3", "-m", "venv", join(folder, "venv")], folder);
    await succeed(
      [fresh, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", join(folder, wheel)],
      folder,
    );
    const installed = JSON.parse(await succeed([fresh, "-m", "pip", "list", "--format=json"], folder)) as {
      name: string;
    }[];
    const own = installed.map(({ name }) => name.replaceAll("_", "-")).filter((name) => !TOOLS.has(name));
    expect(own.sort()).toEqual(["qy-lty", "websockets"]);
  },
  LONG_MS,
);

/** What a fresh environment has, or an old Python needs. */
const TOOLS = new Set(["pip", "setuptools", "wheel", "typing-extensions"]);

test("it imports, and says who made it and how it is used", async () => {
  const version = "import qy_lty, importlib.metadata as m; print(qy_lty.__version__ == m.version('qy-lty'))";
  expect(await succeed([fresh, "-c", version], folder)).toBe("True\n");
  expect(await succeed([fresh, "-m", "qy_lty", "--help"], folder)).toContain("LTY_TOKEN");
});

test("type checkers know what a request is answered with", async () => {
  const source = join(folder, "typed.py");
  await Bun.write(
    source,
    `from qy_lty import LtyClient

async def ask(client: LtyClient) -> int:
    weather = await client.request("weather", city="x")
    text: str = weather["data"]["weather"]["now"]["text"]
    print(text)
    return weather["data"]["weather"]["now"]["temp"]
`,
  );
  const mypy = [program("mypy"), "--strict", "--cache-dir=/dev/null", "--python-executable", fresh, source];
  const { code, stdout } = await outcome(mypy, folder);
  expect(code).toBe(1);
  expect(stdout).toContain('Incompatible return value type (got "str", expected "int")');
});
