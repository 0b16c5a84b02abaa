import { readFileSync } from "node:fs";

/** Ticks of the processor time in `/proc`, a second: the same on every Linux that we run on. */
const TICKS = 100;
const PAGE_BYTES = 4096;

/** Resident set of a process, bytes. */
export function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
}

/** Processor time that a process has used, all its threads, seconds. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Measures the share of one processor that processes use from now on. */
export function watchProcessor(pids: readonly number[]): () => number[] {
  const start = performance.now();
  const before = pids.map(processorSeconds);
  return () => {
    const seconds = (performance.now() - start) / 1000;
    return pids.map((pid, index) => (100 * (processorSeconds(pid) - (before[index] ?? 0))) / seconds);
  };
}

/** Durations, and what share of them stays below which value. */
export class Durations {
  readonly #values: number[] = [];
  #sorted = true;

  add(ms: number): void {
    this.#values.push(ms);
    this.#sorted = false;
  }

  get count(): number {
    return this.#values.length;
  }

  /** The value that `share` of all do not exceed; NaN for none. */
  percentile(share: number): number {
    if (!this.#sorted) this.#values.sort((a, b) => a - b);
    this.#sorted = true;
    return this.#values[Math.min(this.#values.length - 1, Math.floor(share * this.#values.length))] ?? Number.NaN;
  }
}
