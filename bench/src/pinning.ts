import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Which processors the two sides of a measurement run on. */
export interface Pinning {
  /** Prefix of the server's command. */
  readonly server: readonly string[];
  /** Prefix of the load generator's command. */
  readonly load: readonly string[];
  /** In words, for the report. */
  readonly description: string;
}

/**
 * Puts the server on the last processor this process may use and the load generator on the first, so that neither
 * takes time from the other. Without `taskset` or a second processor both run where the system puts them.
 */
export function choosePinning(allowed = allowedProcessors(), taskset = Bun.which("taskset")): Pinning {
  const first = allowed[0];
  const last = allowed.at(-1);
  if (taskset === null) return unpinned("not pinned: taskset is missing");
  if (first === undefined || last === undefined || first === last) {
    return unpinned("not pinned: only one processor, server and generator share it");
  }
  return {
    server: [taskset, "-c", String(last)],
    load: [taskset, "-c", String(first)],
    description: `server on processor ${last}, generator on ${first}`,
  };
}

/** Reads a kernel list such as `0-2,5`. */
export function parseProcessorList(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function allowedProcessors(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    if (list !== undefined) return parseProcessorList(list);
  } catch {
    // Not Linux: the generator will say so when it fails to compile.
  }
  return Array.from({ length: availableParallelism() }, (_, i) => i);
}

function unpinned(description: string): Pinning {
  return { server: [], load: [], description };
}
