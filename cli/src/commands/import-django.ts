import { existsSync } from "node:fs";
import { loadConfig } from "@qy-lty/server/config/load.ts";
import { SystemClock } from "@qy-lty/server/platform/clock.ts";
import { type Command, Option } from "commander";
import { note } from "../context.ts";
import { ROLES, type Role, tableNames } from "../import-django/names.ts";
import type { ImportSummary } from "../import-django/run.ts";
import type { Admins } from "../import-django/source.ts";
import { type OutputOptions, show, table } from "../output.ts";
import { addCommand } from "../program.ts";
import { bar, ProgressLine } from "../progress.ts";

interface ImportOptions extends OutputOptions {
  readonly from: string;
  readonly dryRun?: boolean;
  readonly table: readonly string[];
  readonly column: readonly string[];
  readonly without: readonly Role[];
  readonly admins: Admins;
}

/** `lty import-django` */
export function importDjangoCommand(program: Command): void {
  const each = (text: string, before: readonly string[]) => [...before, text];
  addCommand(
    program,
    "import-django",
    "Take over users, devices, bindings and tokens of the original's backend",
    "lty import-django --from sqlite:/srv/django/db.sqlite3 --dry-run",
  )
    .requiredOption(
      "--from <url>",
      "the backend's database: sqlite:PATH or postgres://USER@HOST/DATABASE; it is only read",
    )
    .option("--dry-run", "look at everything, and change nothing")
    .option("--table <what=name>", "where users, tokens, devices or bindings are, as in users=accounts_user", each, [])
    .option("--column <what=name>", "what a column is called, as in devices.serial_number=sn", each, [])
    .addOption(
      new Option("--without <what>", "leave out a table that is not there")
        .choices(ROLES.filter((role) => role !== "users"))
        .argParser((text, before: readonly string[]) => [...before, text])
        .default([] as readonly string[]),
    )
    .addOption(
      new Option("--admins <who>", "who becomes an admin")
        .choices(["superusers", "staff", "nobody"])
        .default("superusers"),
    )
    .action(run);
}

async function run(options: ImportOptions): Promise<void> {
  const names = tableNames(options.table, options.column);
  const { databaseUrl } = loadConfig();
  const dryRun = options.dryRun ?? false;
  // Loaded here, so that the other commands start without it.
  const { openSource } = await import("../import-django/source-database.ts");
  const { DjangoSource } = await import("../import-django/source.ts");
  const { importDjango } = await import("../import-django/run.ts");
  const { openStore } = await import("@qy-lty/server/store/open.ts");
  await using database = await openSource(options.from);
  const source = await DjangoSource.open(database, { names, without: options.without, admins: options.admins });

  const clock = new SystemClock();
  const started = clock.monotonic();
  // A look at what would happen makes no file.
  const isAbsent = databaseUrl.startsWith("sqlite:") && !existsSync(databaseUrl.slice("sqlite:".length));
  const store = await openStore(dryRun && isAbsent ? "sqlite::memory:" : databaseUrl, clock);
  const line = new ProgressLine();
  try {
    const summary = await importDjango(source, store.imports, dryRun, (done, total) => line.show(bar(done, total)));
    line.clear();
    const made = { users: summary.users.new, devices: summary.devices.new, tokens: summary.tokens.new };
    const isNew = made.users + made.devices + made.tokens > 0;
    if (isNew && !dryRun) await note(store, "django imported", { from: database.name, ...made });
    const duration_ms = Math.round(clock.monotonic() - started);
    show(options, { from: database.name, dry_run: dryRun, ...summary, duration_ms }, () =>
      describe(summary, database.name, dryRun),
    );
  } finally {
    line.clear();
    await store.close();
  }
}

function describe(summary: ImportSummary, from: string, dryRun: boolean): string {
  const rows = (["users", "devices", "tokens"] as const).map((what) => {
    const { read, new: fresh } = summary[what];
    const rest = read - fresh - (what === "tokens" ? summary.unusable_tokens : 0);
    return [what, String(read), String(fresh), String(rest)];
  });
  const heading = dryRun ? `${from} would be taken over; nothing was changed.` : `${from} is taken over.`;
  return [heading, "", table(["", "THERE", "NEW", "HERE ALREADY"], rows), "", ...remarks(summary)].join("\n").trim();
}

/** One line for each thing that does not come over as it was. */
function remarks({ bindings, passwords, unusable_tokens }: ImportSummary): string[] {
  const said: [number, string][] = [
    [passwords.pbkdf2 + passwords.argon2, "users can sign in with their password"],
    [passwords.none, "users have no password, as before"],
    [passwords.unknown, "users need a new password: the hash is of a kind that is not understood"],
    [bindings.kept, "devices have an owner"],
    [bindings.left_out, "bindings were left out: a device has one owner here, its first primary user or its first"],
    [bindings.orphaned, "bindings are of a user or a device that is not there"],
    [unusable_tokens, "tokens were left out: not 40 hex characters, or of a user who is not there"],
  ];
  return said.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}.`);
}
