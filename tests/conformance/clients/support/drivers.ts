import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../e2e/support/command.ts";
import { pythonWithWebsockets } from "../../../e2e/support/python.ts";

/** A client under test. */
export interface DriverRow {
  readonly language: string;
  /** The command that starts its driver. */
  command(): Promise<readonly string[]>;
  readonly environment?: Readonly<Record<string, string>>;
}

interface Known extends DriverRow {
  /** The driver's file, below the root. */
  readonly file: string;
}

const known: readonly Known[] = [
  {
    language: "typescript",
    file: "clients/typescript/driver/main.ts",
    command: async () => [process.execPath, "--no-env-file", join(ROOT, "clients/typescript/driver/main.ts")],
  },
  {
    language: "python",
    file: "clients/python/tests/driver.py",
    command: async () => [await pythonWithWebsockets(), join(ROOT, "clients/python/tests/driver.py")],
    environment: { PYTHONPATH: join(ROOT, "clients/python/src") },
  },
];

const given = process.env.CLIENT_DRIVER;

/** Every client that takes part: those that are there, or the one of the environment variable `CLIENT_DRIVER`. */
export const drivers: readonly DriverRow[] =
  given === undefined
    ? known.filter(({ file }) => existsSync(join(ROOT, file)))
    : [{ language: given, command: async () => given.split(" ") }];
