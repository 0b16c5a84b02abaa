import { inspectDatabase } from "./postgres-schema.ts";

/** What a look at a PostgreSQL database finds. */
export interface PostgresInspection {
  /** As the server says it, such as `15.4`. */
  readonly version: string;
  /** How many migrations of this program it does not hold yet. */
  readonly pendingMigrations: number;
  readonly takesWrites: boolean;
  /** Whether it has the disk confirm what it stores. */
  readonly isDurable: boolean;
  readonly answersInMs: number;
  /** The server's clock less ours, milliseconds; uncertain by `answersInMs`. */
  readonly clockAheadMs: number;
}

const FACTS = {
  name: "facts",
  text: `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
                NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS "takesWrites",
                current_setting('fsync') = 'on' AS "isDurable",
                (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`,
};

type Facts = Pick<PostgresInspection, "version" | "takesWrites" | "isDurable"> & { readonly now: number };

/**
 * Looks at a database without changing it.
 * @throws StoreError when it cannot be reached or read, is too old, or was made by a newer program
 */
export function inspectPostgres(url: string): Promise<PostgresInspection> {
  return inspectDatabase(url, async (pool, pendingMigrations) => {
    const started = performance.now();
    const [facts] = await pool.run<Facts>(FACTS);
    const answersInMs = performance.now() - started;
    if (facts === undefined) throw new Error("the server gave no answer");
    const { now, ...found } = facts;
    return { ...found, pendingMigrations, answersInMs, clockAheadMs: now - Date.now() };
  });
}
