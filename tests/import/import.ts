/**
 * Moves a generated Django site in: killed on the way, run again, and once more when everything is here. An imported token
 * opens a socket, an imported user signs in.
 *
 *     bun tests/import/import.ts [--short] [--save NAME]
 */

import { Database } from "bun:sqlite";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanEnvironment, LTY, run } from "../e2e/support/command.ts";
import { TestServer } from "../e2e/support/server.ts";
import { TestSocket } from "../e2e/support/socket.ts";
import { Report, runScript } from "../faults/support/report.ts";
import { makeDjangoSite, PASSWORD, tokenOf } from "./support/django-site.ts";

const PEOPLE = { long: 100_000, short: 3_000 };
/** "well under a minute", on a machine that does other things too. Seconds. */
const GOAL_S = 40;

interface Summary {
  readonly users: { readonly read: number; readonly new: number };
  readonly devices: { readonly new: number };
  readonly tokens: { readonly new: number };
  readonly duration_ms: number;
}

/** Runs the import; the report's figures are what came over, and how long it took. */
export async function importSite(short: boolean): Promise<Report> {
  const people = short ? PEOPLE.short : PEOPLE.long;
  const report = new Report(`A Django site of ${people.toLocaleString("en-US")} users moves in`);
  const folder = await mkdtemp(join(tmpdir(), "lty-import-"));
  try {
    const site = join(folder, "db.sqlite3");
    makeDjangoSite(site, people);
    await untouched(report, site, folder, people, short);
    await killed(report, site, folder, people);
    await alive(report, site, people);
  } finally {
    await rm(folder, { recursive: true });
  }
  return report;
}

async function importInto(site: string, database: string): Promise<Summary> {
  const words = [...LTY, "import-django", "--from", `sqlite:${site}`, "--json"];
  const child = Bun.spawn(words, { env: settings(database), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Summary;
}

const settings = (database: string) => cleanEnvironment({ LTY_DATABASE_URL: `sqlite:${database}` });

/** In one go, and again. */
async function untouched(report: Report, site: string, folder: string, people: number, short: boolean): Promise<void> {
  const database = join(folder, "one.db");
  const first = await importInto(site, database);
  report.add("users, devices and tokens that came over", allNew(first), "", { equals: 3 * people });
  report.add("the import took", first.duration_ms / 1000, "s", short ? null : { atMost: GOAL_S });
  const before = fingerprint(database);
  const second = await importInto(site, database);
  report.add("new in a second run", allNew(second), "", { equals: 0 });
  report.add("the second run took", second.duration_ms / 1000, "s");
  report.add("rows that the second run changed", before === fingerprint(database) ? 0 : 1, "", { equals: 0 });
}

/** `kill -9` once some are here, several times; then to the end. */
async function killed(report: Report, site: string, folder: string, people: number): Promise<void> {
  const database = join(folder, "two.db");
  await run([...LTY, "migrate"], { LTY_DATABASE_URL: `sqlite:${database}` });
  using watcher = new Database(database, { readonly: true });
  const here = () => rows(watcher, "user") + rows(watcher, "device") + rows(watcher, "token");
  const seen: number[] = [];
  for (const part of [0.05, 0.4, 0.7]) {
    const words = [...LTY, "import-django", "--from", `sqlite:${site}`];
    const child = Bun.spawn(words, { env: settings(database), stdout: "ignore", stderr: "ignore" });
    const over = { now: false };
    void child.exited.then(() => {
      over.now = true;
    });
    while (here() < part * 3 * people && !over.now) await Bun.sleep(1);
    child.kill("SIGKILL");
    await child.exited;
    seen.push(here());
  }
  report.add("rows after each kill -9", seen.at(-1) ?? 0);
  const last = await importInto(site, database);
  report.add("new in the run after the kills", allNew(last));
  report.add("rows in the end", here(), "", { equals: 3 * people });
  report.add("changed against one run alone", accounts(database) === accounts(join(folder, "one.db")) ? 0 : 1, "", {
    equals: 0,
  });
}

/** Into the database of a running server. */
async function alive(report: Report, site: string, people: number): Promise<void> {
  await using server = await TestServer.start();
  // Its own admin stands where the site's first user would.
  using database = new Database(server.database);
  database.run("PRAGMA busy_timeout = 5000");
  database.run("PRAGMA foreign_keys = OFF");
  database.run("UPDATE token SET user_id = 900000001");
  database.run("UPDATE user SET id = 900000001");
  await importInto(site, server.database);
  const id = Math.ceil(people / 2);
  using socket = await TestSocket.open(server.wsUrl, { headers: { authorization: `Token ${tokenOf(id)}` } });
  const isThere = socket.greeting.user_id === String(id) && socket.greeting.device_id === id;
  report.add("imported tokens that open a socket, as their user and device", isThere ? 1 : 0, "", { equals: 1 });
  const signIn = async () => {
    const body = { username: `person-${id}`, password: PASSWORD };
    return (await server.api("POST", "/api/login/", { token: null, body })).status === 200 ? 1 : 0;
  };
  report.add("sign-ins with a password of Django's, and then with argon2id", (await signIn()) + (await signIn()), "", {
    equals: 2,
  });
}

function allNew({ users, devices, tokens }: Summary): number {
  return users.new + devices.new + tokens.new;
}

function rows(database: Database, table: string): number {
  return (database.query(`SELECT count(*) AS n FROM "${table}"`).get() as { n: number }).n;
}

/** Everything that an import could change. */
function fingerprint(file: string): string {
  return digest(file, [
    ...["SELECT * FROM user ORDER BY id", "SELECT * FROM device ORDER BY id", "SELECT * FROM token ORDER BY id"],
    ...["SELECT max(seq) FROM authority_change", "SELECT count(*) FROM audit", "SELECT * FROM sqlite_sequence"],
  ]);
}

/** What came over, without the moments of the import itself. */
function accounts(file: string): string {
  return digest(file, [
    "SELECT * FROM user ORDER BY id",
    "SELECT id, name, serial, user_id, is_primary, created_at FROM device ORDER BY id",
    "SELECT hash, user_id FROM token ORDER BY hash",
  ]);
}

function digest(file: string, queries: readonly string[]): string {
  using database = new Database(file, { readonly: true });
  const hasher = new Bun.CryptoHasher("sha256");
  for (const query of queries) hasher.update(JSON.stringify(database.query(query).values()));
  return hasher.digest("hex");
}

if (import.meta.main) await runScript(importSite);
