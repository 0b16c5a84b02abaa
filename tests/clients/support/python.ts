import { join } from "node:path";
import { ROOT } from "../../e2e/support/command.ts";
import { succeed } from "./commands.ts";

export const PACKAGE = join(ROOT, "clients", "python");
const OLDEST = "python-client-oldest";
const BIN = join(ROOT, ".cache", "python-client", "bin");

/** Makes the virtual environment of `clients/python/requirements-dev.txt` unless it is there. */
export async function preparePython(): Promise<void> {
  await succeed(["node", "scripts/test/python.mjs", "python-client", "clients/python/requirements-dev.txt"], ROOT);
}

/** Makes the one with the oldest `websockets` that is taken; answers its Python. */
export async function prepareOldest(): Promise<string> {
  await succeed(["node", "scripts/test/python.mjs", OLDEST, "clients/python/requirements-oldest.txt"], ROOT);
  return join(ROOT, ".cache", OLDEST, "bin", "python");
}

/** A program of that environment. */
export const program = (name: string) => join(BIN, name);
