/** The thread of `backUp`: copies a database while the thread that asked for it can say how far it is. */
import { Database } from "bun:sqlite";
import { FACT_BACKUP } from "./sqlite-log-writer.ts";

/** What is to be copied, and where to. */
export interface BackupRequest {
  readonly from: string;
  readonly to: string;
  /** When, ISO 8601. */
  readonly at: string;
}

/** How it ended; `code` is SQLite's. */
export type BackupAnswer = { readonly error?: { readonly message: string; readonly code: string } };

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<BackupRequest>) => {
  try {
    copy(data);
    mark(data);
    self.postMessage({} satisfies BackupAnswer);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const message = error instanceof Error ? error.message : String(error);
    self.postMessage({ error: { message, code } } satisfies BackupAnswer);
  }
};

/** One moment of the database, whoever writes to it meanwhile. */
function copy({ from, to }: BackupRequest): void {
  using database = new Database(from, { readwrite: true, strict: true });
  database.run("PRAGMA busy_timeout = 5000");
  database.run("VACUUM INTO ?", [to]);
}

/** Whoever opens the copy must know that it is one: what happened since is not in it. */
function mark({ to, at }: BackupRequest): void {
  using database = new Database(to, { readwrite: true, strict: true });
  database.run("INSERT OR REPLACE INTO fact(name, value) VALUES (?, ?)", [FACT_BACKUP, at]);
  const [found] = database.query("PRAGMA quick_check(1)").values().flat();
  if (found !== "ok") throw Object.assign(new Error(String(found)), { code: "SQLITE_CORRUPT" });
}
