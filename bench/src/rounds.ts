import type { Pinning } from "./pinning.ts";
import { startServer } from "./running-server.ts";
import type { Bench, Measurement, Scenario } from "./scenarios/scenario.ts";
import type { Launch, ServerName } from "./servers.ts";
import { figure } from "./table.ts";
import { ROOT } from "./workspace.ts";

/** The peers that no goal refers to take part in every third round only. */
const OCCASIONAL: readonly ServerName[] = ["echo", "socketio"];
const OCCASION = 3;

/** What a scenario gave, in all its rounds. */
export interface ScenarioRun {
  readonly scenario: Scenario;
  /** By server, one entry per round; undefined where the server did not take part. */
  readonly samples: ReadonlyMap<ServerName, readonly (Measurement | undefined)[]>;
  readonly notes: readonly string[];
  /** Why the scenario ended early. */
  readonly failure?: string;
}

/** What rounds are made of. */
export interface RoundsContext {
  readonly launches: readonly Launch[];
  readonly rounds: number;
  readonly pinning: Pinning;
  readonly folder: string;
  readonly bench: Bench;
  progress(line: string): void;
}

/** Who takes part in a round, in an order that favours nobody: what drifts with time falls on all alike. */
export function lineUp<T extends { readonly name: ServerName }>(
  launches: readonly T[],
  round: number,
  random: () => number = Math.random,
): T[] {
  const present = launches.filter(({ name }) => round % OCCASION === 0 || !OCCASIONAL.includes(name));
  for (let last = present.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [present[last], present[other]] = [present[other] as T, present[last] as T];
  }
  return present;
}

/** Runs a scenario's rounds, each server in a fresh process each time. A measurement that fails is tried once more. */
export async function runRounds(scenario: Scenario, context: RoundsContext): Promise<ScenarioRun> {
  const launches = context.launches.filter(({ name }) => scenario.servers.includes(name));
  const samples = new Map<ServerName, (Measurement | undefined)[]>(launches.map(({ name }) => [name, []]));
  const notes = new Set<string>();
  try {
    for (let round = 0; round < context.rounds; round++) {
      for (const launch of lineUp(launches, round)) {
        const where = `${scenario.name}, round ${round + 1} of ${context.rounds}, ${launch.name}`;
        const measurement = await measureOnce(scenario, launch, context, notes).catch(async (error: Error) => {
          notes.add(`${where}: measured again, because ${error.message}`);
          return await measureOnce(scenario, launch, context, notes);
        });
        const row = samples.get(launch.name);
        if (row !== undefined) row[round] = measurement;
        context.progress(`${where}: ${describe(scenario, measurement)}`);
      }
    }
    return { scenario, samples, notes: [...notes].map(withoutPaths) };
  } catch (error) {
    return { scenario, samples, notes: [...notes].map(withoutPaths), failure: withoutPaths((error as Error).message) };
  }
}

async function measureOnce(
  scenario: Scenario,
  launch: Launch,
  { folder, pinning, bench }: RoundsContext,
  notes: Set<string>,
): Promise<Measurement> {
  const server = await startServer(launch, folder, { prefix: pinning.server });
  try {
    const measurement = await scenario.measure(server, bench);
    const invalid = scenario.metrics.find(({ id }) => !Number.isFinite(measurement.values[id]));
    if (invalid !== undefined) throw new Error(`there is no value of ${invalid.unit}`);
    if (measurement.note !== undefined) notes.add(measurement.note);
    const logged = server.log().trim().split("\n");
    if (logged[0]) notes.add(`${launch.name} logged while it was measured, for example: ${logged[0].slice(0, 300)}`);
    return measurement;
  } finally {
    await server.stop();
  }
}

function describe({ metrics }: Scenario, { values, generatorPct }: Measurement): string {
  const figures = metrics.map(({ id, unit }) => `${figure(values[id])} ${unit}`);
  return `${figures.join(", ")} (generator ${generatorPct.toFixed(0)} % busy)`;
}

function withoutPaths(text: string): string {
  return text.replaceAll(ROOT, ".");
}
