import { existsSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { loadConfig, maskUserinfo } from "@qy-lty/server/config/load.ts";
import { SystemClock } from "@qy-lty/server/platform/clock.ts";
import { isPostgres } from "@qy-lty/server/store/open.ts";
import type { Command } from "commander";
import { UsageError } from "../exit.ts";
import { type OutputOptions, show } from "../output.ts";
import { addCommand } from "../program.ts";
import { bar, ProgressLine } from "../progress.ts";

/** `lty backup` */
export function backupCommand(program: Command): void {
  addCommand(
    program,
    "backup <file>",
    "Copy the database to a new file, also while a server runs",
    "lty backup /var/backups/lty-2026-01-01.db",
  ).action(backup);
}

async function backup(target: string, options: OutputOptions): Promise<void> {
  const { databaseUrl } = loadConfig();
  if (isPostgres(databaseUrl)) {
    throw new UsageError(
      `${maskUserinfo(databaseUrl)} is backed up by PostgreSQL's own pg_dump, also while servers run`,
    );
  }
  const file = resolve(target);
  if (existsSync(file)) throw new UsageError(`${target} is there already; a backup never replaces a file`);
  // Loaded here, so that the other commands start without it.
  const { backUp, partOf } = await import("@qy-lty/server/store/sqlite-backup.ts");
  const progress = new ProgressLine();
  const clock = new SystemClock();
  const started = clock.monotonic();
  const stop = onSignal(() => rmSync(partOf(file), { force: true }));
  try {
    const bytes = await backUp(databaseUrl, file, clock, (written, expected) =>
      progress.show(`${bar(Math.min(written, expected - 1), expected)} (${toMiB(written)})`),
    );
    const duration_ms = Math.round(clock.monotonic() - started);
    progress.clear();
    show(options, { file, bytes, duration_ms }, () => `Backed up ${databaseUrl} to ${file} (${toMiB(bytes)}).`);
  } finally {
    progress.clear();
    stop();
  }
}

/** Leaves nothing half done behind. The answer undoes it. */
function onSignal(cleanUp: () => void): () => void {
  const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
  const handlers = Object.entries(signals).map(([name, code]) => {
    const handler = () => {
      cleanUp();
      process.exit(code);
    };
    process.once(name, handler);
    return () => void process.off(name, handler);
  });
  return () => {
    for (const undo of handlers) undo();
  };
}

function toMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
