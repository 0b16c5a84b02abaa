import type { Clock } from "../platform/clock.ts";
import type { Store } from "./store.ts";

/** How a process uses its store. */
export interface OpenOptions {
  /** It serves, and its writes must not stall it; a command that comes and goes does without. */
  readonly serving?: boolean;
}

/** Whether `url` names a server, which other processes on other machines may use too. */
export function isPostgres(url: string): boolean {
  return /^postgres(ql)?:/.test(url);
}

/**
 * Opens the store that `url` (`LTY_DATABASE_URL`) names, and brings it to this program's schema.
 * @throws StoreError when it cannot be opened, or was made by a newer program
 */
export async function openStore(url: string, clock: Clock, { serving = false }: OpenOptions = {}): Promise<Store> {
  // Loaded here, so that nobody waits for the one they do not use.
  if (isPostgres(url)) {
    const { PostgresStore } = await import("./postgres.ts");
    return PostgresStore.open(url, clock);
  }
  const { SqliteStore } = await import("./sqlite.ts");
  return SqliteStore.open(url, clock, { threaded: serving });
}
