import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { ROOT, runChild } from "./workspace.ts";

/** Where and on what a run was made. */
export interface Facts {
  /** Start of the run, UTC. */
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly bun: string;
  readonly node: string;
  readonly pinning: string;
  /** Runnable processes over the minute before the run: what was above 0 then disturbed it. */
  readonly loadBefore: number;
  /** Commit of this checkout, with `+` if it had changes. */
  readonly commit: string;
  /** Commit of the checkout given by `--base`. */
  readonly baseCommit?: string;
}

/** Gathers the facts of this machine and these checkouts. */
export async function gatherFacts(pinning: string, base: string | undefined): Promise<Facts> {
  const node = Bun.which("node");
  return {
    date: `${new Date().toISOString().slice(0, 19)}Z`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    node: node === null ? "none" : (await runChild([node, "--version"], 10_000)).stdout.trim().replace(/^v/, ""),
    pinning,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    commit: await commitOf(ROOT),
    ...(base === undefined ? {} : { baseCommit: await commitOf(base) }),
  };
}

/** The facts, one to a line. */
export function factLines(facts: Facts): string[] {
  return [
    `${facts.date}, commit ${facts.commit}${facts.baseCommit === undefined ? "" : `, base ${facts.baseCommit}`}`,
    `${facts.processor}, ${facts.cores} cores, ${facts.memoryGiB} GiB, Linux ${facts.kernel}, Bun ${facts.bun}, Node.js ${facts.node}`,
    `${facts.pinning}; load average before the run ${facts.loadBefore}`,
  ];
}

/** How many files, and so sockets, a process here may open. */
export function openFilesLimit(): number {
  try {
    const limit = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

async function commitOf(folder: string): Promise<string> {
  const git = Bun.which("git");
  if (git === null) return "unknown";
  const head = await runChild([git, "-C", folder, "rev-parse", "--short", "HEAD"], 10_000);
  if (head.exitCode !== 0) return "none";
  const changes = await runChild([git, "-C", folder, "status", "--porcelain"], 10_000);
  return `${head.stdout.trim()}${changes.stdout.trim() === "" ? "" : "+"}`;
}
