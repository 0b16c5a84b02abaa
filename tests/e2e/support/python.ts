import { join } from "node:path";
import { ROOT } from "./command.ts";

const VENV = join(ROOT, ".cache", "venv");
const PYTHON = join(VENV, "bin", "python");

/** A Python that has the `websockets` of tests/requirements.txt: of the virtual environment, which is made if it is not there. */
export async function pythonWithWebsockets(): Promise<string> {
  const isReady = (await exitCode([PYTHON, "-c", "import websockets"])) === 0;
  if (isReady) return PYTHON;
  const pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  for (const command of [
    ["python3", "-m", "venv", VENV],
    [...pip, "-r", join(ROOT, "tests", "requirements.txt")],
  ]) {
    if ((await exitCode(command)) !== 0) throw new Error(`\`${command.join(" ")}\` failed: Python ≥ 3.10 is needed`);
  }
  return PYTHON;
}

async function exitCode(command: readonly string[]): Promise<number> {
  try {
    return await Bun.spawn([...command], { stdout: "ignore", stderr: "ignore" }).exited;
  } catch {
    // There is no such program.
    return 127;
  }
}
