import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Pinning } from "./pinning.ts";
import { startServer } from "./running-server.ts";
import type { Bench, Scenario } from "./scenarios/scenario.ts";
import type { Launch } from "./servers.ts";
import { asText } from "./table.ts";
import { CACHE, ROOT } from "./workspace.ts";

const FILE = "server.cpuprofile";
const SHOWN = 25;

/** The part of a `.cpuprofile` that self times are counted from. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

/** Runs one scenario against our server with Bun's sampling profiler on, and returns what to print. */
export async function profileScenario(
  scenario: Scenario,
  launch: Launch,
  { folder, pinning, bench }: { folder: string; pinning: Pinning; bench: Bench },
): Promise<string> {
  // Through the environment, because `lty` starts Bun by itself; a folder relative to where the server runs.
  const env = { BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=. --cpu-prof-name=${FILE}` };
  const server = await startServer(launch, folder, { prefix: pinning.server, env });
  try {
    await scenario.measure(server, bench);
    await server.drain();
    const written = join(server.home, FILE);
    if (!existsSync(written)) throw new Error("the server wrote no profile: it did not end by itself within 10 s");
    const kept = join(CACHE, "profiles", `${scenario.name}.cpuprofile`);
    mkdirSync(join(CACHE, "profiles"), { recursive: true });
    copyFileSync(written, kept);
    const profile = JSON.parse(readFileSync(kept, "utf8")) as CpuProfile;
    const path = relative(process.cwd(), kept);
    return `${scenario.name}: ${path} (opens in Chrome's DevTools, Performance, and in VS Code)\n${hotSpots(profile)}`;
  } finally {
    await server.stop();
  }
}

/** The functions with the most self time, as text. */
export function hotSpots({ nodes, samples, timeDeltas }: CpuProfile): string {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfUs = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const name = names.get(id) ?? "?";
    selfUs.set(name, (selfUs.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const busy = [...selfUs].filter(([name]) => name !== "(idle)" && name !== "(root)");
  const total = busy.reduce((sum, [, us]) => sum + us, 0);
  const top = busy.toSorted(([, a], [, b]) => b - a).slice(0, SHOWN);
  return asText([
    ["function", "self ms", "share"],
    ...top.map(([name, us]) => [name, (us / 1000).toFixed(0), `${((100 * us) / total).toFixed(1)} %`]),
  ]);
}

function nameOf({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName || "(anonymous)";
  const file = url.replace(/^file:\/\//, "").replace(`${ROOT}/`, "");
  return file === "" ? name : `${name} ${file}:${lineNumber + 1}`;
}
