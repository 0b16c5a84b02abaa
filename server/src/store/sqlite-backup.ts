import { Database } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../platform/clock.ts";
import type { BackupAnswer, BackupRequest } from "./sqlite-backup-thread.ts";
import { describeSqliteError, sqliteCode } from "./sqlite-errors.ts";
import { StoreError } from "./store.ts";
import { Threads } from "./threads.ts";

const PROGRESS_MS = 250;

/** How far a backup is: bytes written, and about how many there will be. */
export type BackupProgress = (written: number, expected: number) => void;

/**
 * Copies the database of `url` (`sqlite:PATH`) to `file`, also while a server runs on it: all of one moment, checked and on
 * disk when it resolves. It is written beside its place as `file.part`, and what is there already is never touched. A server
 * that later opens the copy knows that it is one, and begins new epochs.
 *
 * @returns the size of `file`, bytes
 * @throws StoreError when there is no such database, `file` or `file.part` is there, or reading or writing fails
 */
export async function backUp(url: string, file: string, clock: Clock, progress: BackupProgress): Promise<number> {
  const from = url.slice("sqlite:".length);
  const part = partOf(file);
  const expected = expectedBytes(from);
  if (existsSync(file)) throw new StoreError(`${file}: is there already`);
  createNew(part);
  const timer = clock.every(PROGRESS_MS, () => progress(sizeOf(part), expected));
  try {
    await runThread({ from, to: part, at: clock.iso() });
    sync(part);
    if (existsSync(file)) throw new StoreError(`${file}: is there already`);
    renameSync(part, file);
    sync(dirname(file));
    return sizeOf(file);
  } catch (error) {
    rmSync(part, { force: true });
    if (error instanceof StoreError) throw error;
    throw new StoreError(`${file}: ${describeSqliteError(error)}`, { cause: error });
  } finally {
    timer.stop();
  }
}

/** Where a backup is while it is not finished. */
export function partOf(file: string): string {
  return `${file}.part`;
}

/** @throws StoreError when it is no database of ours */
function expectedBytes(path: string): number {
  if (!existsSync(path)) throw new StoreError(`${path}: there is no database`);
  try {
    using database = new Database(path, { readwrite: true, strict: true });
    const hasFacts = database.query("SELECT 1 FROM sqlite_schema WHERE name = 'fact'").get() !== null;
    if (!hasFacts) throw new StoreError(`${path}: is not a database of this version; see \`lty migrate\``);
    const [pages = 0, size = 0, unused = 0] = ["page_count", "page_size", "freelist_count"].map((name) =>
      Number(database.query(`PRAGMA ${name}`).values()[0]?.[0]),
    );
    return (pages - unused) * size;
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(`${path}: ${describeSqliteError(error)}`, { cause: error });
  }
}

/** An empty file that only its owner reads: what a database holds is nobody else's business. */
function createNew(part: string): void {
  try {
    closeSync(openSync(part, "wx", 0o600));
  } catch (error) {
    const why =
      sqliteCode(error) === "EEXIST"
        ? "is there: another backup is under way, or was cut off; remove it if it is not"
        : sqliteCode(error) === "ENOENT"
          ? "cannot be created: there is no such folder"
          : describeSqliteError(error);
    throw new StoreError(`${part}: ${why}`, { cause: error });
  }
}

async function runThread(request: BackupRequest): Promise<void> {
  const worker = new Worker(Threads.sqliteBackup);
  try {
    const { error } = await new Promise<BackupAnswer>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<BackupAnswer>) => resolve(data);
      worker.onerror = ({ message }) => reject(new StoreError(message));
      worker.postMessage(request);
    });
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
  } finally {
    worker.terminate();
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
