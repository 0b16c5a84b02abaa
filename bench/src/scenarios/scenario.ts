import type { RunningServer } from "../running-server.ts";
import type { Credentials } from "../seed.ts";
import type { ServerName } from "../servers.ts";
import type { Goal } from "../stats.ts";
import type { LoadResult } from "../wsload.ts";

/** One figure that a scenario yields. */
export interface Metric {
  readonly id: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** What ours / bare must be. A figure without a goal is shown for its own sake. */
  readonly goal?: Goal;
  /** The goal in the words of the performance page, where it is not the plain ratio. */
  readonly goalText?: string;
}

/** What one measurement of one server gave. */
export interface Measurement {
  /** Value by metric id. */
  readonly values: Readonly<Record<string, number>>;
  /** How busy the load generator was, percent of one processor. Near 100 it, and not the server, was measured. */
  readonly generatorPct: number;
  /** How busy the server process was, percent of one processor. */
  readonly serverPct: number;
  /** Something a reader of the figures must know. */
  readonly note?: string;
}

/** How long and how large measurements are in this run. */
export interface Scale {
  /** Load before the window, seconds: compilers and buffers settle. */
  readonly warmupS: number;
  /** The window, seconds. */
  readonly windowS: number;
  /** Connections of the scenarios that are about many: `handshake` and `idle`. */
  readonly many: number;
  /** Handshakes before the measured ones. */
  readonly handshakeWarmup: number;
  /** How long idle connections rest before the memory is read, seconds. */
  readonly settleS: number;
}

/** What a scenario works with. */
export interface Bench {
  readonly scale: Scale;
  readonly credentials: Credentials;
  /** Runs the load generator against `server` and fails if anything but the expected happened. */
  load(server: RunningServer, options: LoadOptions): Promise<LoadResult>;
}

/** Options of the load generator that scenarios set; see `wsload --help`. */
export interface LoadOptions {
  readonly mode: "echo" | "rate" | "idle" | "listen";
  readonly connections: number;
  /** The first credential to use; each connection takes the next one. */
  readonly firstToken?: number;
  /** Seconds, instead of the run's. */
  readonly warmupS?: number;
  readonly windowS?: number;
  /** Further options, as they are. */
  readonly extra?: readonly string[];
}

/** One row, or a few, of the performance page's table. */
export interface Scenario {
  readonly name: string;
  /** What is done to the server, in one line. */
  title(scale: Scale): string;
  /** Who can do the job. */
  readonly servers: readonly ServerName[];
  readonly metrics: readonly Metric[];
  /** Measures a fresh process of a server. */
  measure(server: RunningServer, bench: Bench): Promise<Measurement>;
}

/** Every server: the job needs no more than an echo. */
export const EVERYONE: readonly ServerName[] = ["ours", "bare", "base", "echo", "socketio"];
/** The servers that can publish. */
export const PUBLISHERS: readonly ServerName[] = ["ours", "bare", "base", "socketio"];
