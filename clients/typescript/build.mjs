/** Writes `dist/`: what is published. Runs before `npm pack` and `npm publish`. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const tsc = join(here, "..", "..", "node_modules", ".bin", "tsc");
rmSync(join(here, "dist"), { recursive: true, force: true });
// What npm pack prints on standard output is the name of the file alone.
const { status } = spawnSync(tsc, ["-p", join(here, "tsconfig.build.json")], { stdio: ["ignore", 2, 2] });
process.exit(status ?? 1);
