import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { CACHE, ROOT, runChild } from "./workspace.ts";

const SOURCE = join(ROOT, "bench/wsload.cpp");

/** The parts of the generator's report that scenarios read. Its units are in the names; percentages are of one processor. */
export interface LoadReport {
  readonly conns: {
    readonly requested: number;
    readonly ready: number;
    readonly failed: number;
    readonly lost_during_run: number;
  };
  readonly connect?: { readonly seconds: number; readonly ready_per_s: number };
  readonly window_s: number;
  readonly msgs_received: number;
  readonly msg_per_s: number;
  readonly frames_other: number;
  readonly latency_us?: { readonly p50: number; readonly p99: number };
  readonly publish?: {
    readonly sent: number;
    readonly http_2xx: number;
    readonly http_other: number;
    readonly missing_deliveries: number;
  };
  readonly errors: Readonly<Record<string, number>>;
  readonly http_status: Readonly<Record<string, number>>;
  readonly close_codes: Readonly<Record<string, number>>;
  readonly client_cpu_pct: number;
  readonly server: readonly { readonly rss_per_conn_bytes: number; readonly alive: boolean }[];
  readonly server_cpu_us_per_msg: number;
  readonly server_cpu_us_per_connect: number;
  readonly server_cpu_us_per_publish?: number;
  readonly server_cpu_pct: number;
}

/** A report and what the generator itself used, over its whole life: connecting and closing included. */
export interface LoadResult {
  readonly report: LoadReport;
  /** Processor time, seconds. */
  readonly cpuSeconds: number;
  /** Time that passed, seconds. */
  readonly wallSeconds: number;
}

/** Compiles the generator into the cache unless this very source is there already, and returns its path. */
export async function buildGenerator(): Promise<string> {
  const digest = new Bun.CryptoHasher("sha256").update(readFileSync(SOURCE)).digest("hex").slice(0, 12);
  const binary = join(CACHE, `wsload-${digest}`);
  if (existsSync(binary)) return binary;
  const compiler = Bun.which("g++");
  if (compiler === null) throw new Error("the load generator needs g++ (on Debian: apt-get install g++)");
  mkdirSync(CACHE, { recursive: true });
  // Under another name first: a run beside this one must never start half a program.
  const unfinished = `${binary}.${process.pid}`;
  const built = await runChild([compiler, "-O2", "-std=c++17", "-o", unfinished, SOURCE], 180_000);
  if (built.exitCode !== 0) throw new Error(`g++ could not compile bench/wsload.cpp: ${firstLine(built.stderr)}`);
  renameSync(unfinished, binary);
  return binary;
}

/** Runs the generator and returns its report. Throws with one line if it failed or took longer than `timeoutMs`. */
export async function runGenerator(command: readonly string[], timeoutMs: number): Promise<LoadResult> {
  const start = performance.now();
  const { exitCode, stdout, stderr, cpuSeconds } = await runChild(command, timeoutMs);
  const wallSeconds = (performance.now() - start) / 1000;
  if (exitCode !== 0) throw new Error(`load generator: ${stderr.trim().split("\n").at(-1) || `exit code ${exitCode}`}`);
  // wsload is compiled from our own source, so its report has this shape.
  return { report: JSON.parse(stdout) as LoadReport, cpuSeconds, wallSeconds };
}

/** What makes a measurement worthless, or undefined: a figure over failed connections or lost frames means nothing. */
export function faultOf(report: LoadReport): string | undefined {
  const { conns, publish } = report;
  const details = () => JSON.stringify({ errors: report.errors, http: report.http_status, close: report.close_codes });
  if (report.server.some((server) => !server.alive)) return "the server died";
  if (conns.failed > 0) return `${conns.failed} of ${conns.requested} connections failed: ${details()}`;
  if (conns.lost_during_run > 0) return `${conns.lost_during_run} connections were lost: ${details()}`;
  if (report.frames_other > 0) return `${report.frames_other} unexpected frames`;
  if (publish !== undefined && publish.http_other > 0) return `${publish.http_other} publishes were refused`;
  if (publish !== undefined && publish.missing_deliveries > 0)
    return `${publish.missing_deliveries} deliveries are missing`;
  return undefined;
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
