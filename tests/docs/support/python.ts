import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./pages.ts";

const FOLDER = join(ROOT, ".cache", "venv");

/** The folder of programs of a Python that has what the pages import; `npm test` makes it, and so does this. */
export async function pythonPath(): Promise<string> {
  const bin = join(FOLDER, "bin");
  if (existsSync(join(bin, "python3")) && (await run(join(bin, "python3"), "-c", "import websockets"))) return bin;
  const made =
    (await run("python3", "-m", "venv", "--clear", FOLDER)) &&
    (await run(join(bin, "python3"), "-m", "pip", "install", "--quiet", "-r", join(ROOT, "tests", "requirements.txt")));
  if (!made) throw new Error("no Python with `websockets`: run `npm test`, which installs it in .cache/venv");
  return bin;
}

async function run(...command: string[]): Promise<boolean> {
  const child = Bun.spawn(command, { stdout: "ignore", stderr: "inherit" });
  return (await child.exited) === 0;
}
