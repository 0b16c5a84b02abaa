/**
 * Several processes beside those of others: our gateway on PostgreSQL and Redis, the original's stack (Django Channels with
 * channels_redis under uvicorn), and Socket.IO with its Redis adapter, of one process and of two, all in one run.
 *
 *     npm run bench:cluster [-- --rounds N] [-- --seconds S] [-- --save NAME]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPostgres, startRedis } from "@qy-lty/testkit";
import { factLines, gatherFacts } from "../facts.ts";
import { mintCredentials, seedPostgres } from "../seed.ts";
import { settings } from "../servers.ts";
import { asMarkdown, asText } from "../table.ts";
import { ROOT, runChild, temporaryFolder } from "../workspace.ts";
import { buildGenerator } from "../wsload.ts";
import { type Measures, measure, type Scale } from "./measure.ts";
import { type Contestant, clusterRows, nameOf } from "./rows.ts";
import { CHANNELS_ENVIRONMENT, type Ground, KINDS, startSystem } from "./systems.ts";

const USERS = 1_000;
const MIGRATE_MS = 60_000;
const INSTALL_MS = 600_000;

/** Everybody, of one process and of two. */
const EVERYBODY: readonly Contestant[] = KINDS.flatMap((kind) => [1, 2].map((processes) => ({ kind, processes })));

/** Runs so many rounds; answers what each contestant measured in each of them, and says on stderr how far it is. */
export async function clusterRounds(
  rounds: number,
  scale: Scale,
  contestants = EVERYBODY,
): Promise<Map<string, Measures[]>> {
  if (contestants.some(({ kind }) => kind === "channels")) await installChannels();
  const generator = await buildGenerator();
  await using stack = new AsyncDisposableStack();
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  stack.use(postgres);
  stack.use(redis);
  const folder = temporaryFolder();
  const databaseUrl = await postgres.createDatabase();
  const credentials = mintCredentials(USERS, folder);
  const lty = join(ROOT, "node_modules/.bin/lty");
  const migrated = await runChild([lty, "migrate"], MIGRATE_MS, { cwd: folder, env: settings(databaseUrl) });
  if (migrated.exitCode !== 0) throw new Error(`lty migrate: ${migrated.stderr}`);
  // It is a measurement: a commit is on the disk before it is answered.
  await postgres.run("postgres", "ALTER SYSTEM SET fsync = on");
  await postgres.run("postgres", "SELECT pg_reload_conf()");
  await seedPostgres((statement) => postgres.run(databaseUrl, statement), credentials);
  const ground: Ground = { postgres, redis, databaseUrl, credentials, folder };

  const all = new Map<string, Measures[]>(contestants.map((contestant) => [nameOf(contestant), []]));
  for (let round = 1; round <= rounds; round++) {
    // Each round begins with another of them.
    const turned = contestants.map((_, index) => contestants[(index + round) % contestants.length] as Contestant);
    for (const contestant of turned) {
      await using system = await startSystem(contestant.kind, contestant.processes, ground);
      const measures = await measure(system, ground, generator, scale);
      const name = nameOf(contestant);
      all.get(name)?.push(measures);
      const { fanout, pushes, busy } = measures;
      console.error(
        `round ${round} of ${rounds}, ${name}: ${Math.round(fanout)} deliveries/s, ${Math.round(pushes)} 2xx/s, ${busy} of ${scale.sends} to the busy user`,
      );
    }
  }
  return all;
}

async function installChannels(): Promise<void> {
  const python = ["node", join(ROOT, "scripts/test/python.mjs"), CHANNELS_ENVIRONMENT];
  const installed = await runChild([...python, "bench/requirements-channels.txt"], INSTALL_MS, { cwd: ROOT });
  if (installed.exitCode !== 0) throw new Error(`Python packages: ${installed.stderr.trim()}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "6" },
      seconds: { type: "string", default: "2" },
      save: { type: "string" },
    },
  });
  const [rounds, windowS] = [Number(values.rounds), Number(values.seconds)];
  if (!(Number.isSafeInteger(rounds) && rounds > 0 && windowS > 0))
    throw new Error("--rounds and --seconds are numbers");
  const head = factLines(await gatherFacts("processors shared by all processes and the load generator", undefined));
  const measured = await clusterRounds(rounds, { windowS, sockets: 1_000, sends: 1_000 });
  const { rows, notes } = clusterRows(measured, rounds);
  console.log(`\n${head.join("\n")}\n\n${asText(rows)}\n\n${notes.join("\n")}`);
  if (values.save === undefined) return;
  const folder = join(ROOT, "bench/results");
  mkdirSync(folder, { recursive: true });
  const text = `# Several processes, beside the original's stack and Socket.IO\n\n${head.join("  \n")}\n\n${asMarkdown(rows)}\n\n${notes.map((note) => `- ${note}`).join("\n")}\n`;
  writeFileSync(join(folder, `${values.save}.md`), text);
  console.log(`saved bench/results/${values.save}.md`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
