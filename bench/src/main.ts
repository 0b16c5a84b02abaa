import { checkOut } from "./checkout.ts";
import { factLines, gatherFacts, openFilesLimit } from "./facts.ts";
import { createBench } from "./load.ts";
import { HELP, type Options, parseOptions, UsageError } from "./options.ts";
import { choosePinning } from "./pinning.ts";
import { profileScenario } from "./profile.ts";
import { type Report, reportText, saveReport, writeJson } from "./report.ts";
import { runRounds } from "./rounds.ts";
import { mintCredentials } from "./seed.ts";
import { prepareServers } from "./servers.ts";
import { type ScenarioSummary, summarize } from "./summary.ts";
import { cleanUpOnExit, ROOT, temporaryFolder } from "./workspace.ts";
import { buildGenerator } from "./wsload.ts";

/** Files that a server has open beside its sockets, with room to spare. */
const SPARE_FILES = 500;
/** What `fanout` needs. */
const FEWEST_SOCKETS = 1_000;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  cleanUpOnExit();
  const notes: string[] = [];
  const scale = fitScale(options.scale, notes);
  const pinning = choosePinning();
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const base = options.against === undefined ? options.base : await checkOut(options.against, progress);
  const facts = await gatherFacts(pinning.description, base);
  for (const line of factLines(facts)) progress(line);

  const generator = await buildGenerator();
  const folder = temporaryFolder();
  const credentials = mintCredentials(scale.many + scale.handshakeWarmup, folder);
  const names = options.profile ? (["ours"] as const) : options.servers;
  const launches = await prepareServers(names, { ...options, base, credentials, folder });
  for (const name of names) {
    if (!launches.some((launch) => launch.name === name)) notes.push(`${name} was left out: its program is not here`);
  }
  const bench = createBench({ generator, prefix: pinning.load, folder, credentials, scale });

  if (options.profile) return await profile(options, { launches, folder, pinning, bench });

  const summaries: ScenarioSummary[] = [];
  for (const scenario of options.scenarios) {
    const run = await runRounds(scenario, { launches, rounds: options.rounds, pinning, folder, bench, progress });
    summaries.push(summarize(run, scale));
  }
  const report: Report = {
    facts,
    rounds: options.rounds,
    windowS: scale.windowS,
    calibration: options.calibrate,
    scenarios: summaries,
    notes,
  };
  process.stdout.write(`\n${reportText(report)}\n`);
  if (options.json !== undefined) writeJson(report, options.json);
  if (options.save !== undefined) progress(`saved ${(await saveReport(report, options.save)).join(" and ")}`);
  return summaries.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

async function profile(
  options: Options,
  context: Parameters<typeof profileScenario>[2] & { launches: Awaited<ReturnType<typeof prepareServers>> },
): Promise<number> {
  for (const scenario of options.scenarios) {
    for (const launch of context.launches) {
      process.stdout.write(`${await profileScenario(scenario, launch, context)}\n\n`);
    }
  }
  return 0;
}

/** Where a process may open too few files for the largest scenarios, they are made smaller, and the report says so. */
function fitScale(scale: Options["scale"], notes: string[]): Options["scale"] {
  const limit = openFilesLimit() - SPARE_FILES;
  if (limit >= scale.many) return scale;
  if (limit < FEWEST_SOCKETS) throw new Error("a process may open too few files here; raise that: ulimit -n 11000");
  notes.push(`handshake and idle use ${limit} connections: a process may open no more files here (ulimit -n)`);
  return { ...scale, many: limit };
}

try {
  process.exit(await main());
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`bench: ${message.replaceAll(ROOT, ".")}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
