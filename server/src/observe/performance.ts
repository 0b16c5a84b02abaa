import { Latency } from "./latency.ts";

/** How many of the last calls are remembered one by one. */
const RECENT = 100;

/** What calls took, milliseconds, and how many were answered with an error. */
export interface Figures {
  readonly count: number;
  readonly errors: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly p99_ms: number;
  readonly max_ms: number;
}

/** A row of `GET /api/performance/`. */
export interface OperationReport extends Figures {
  /** A skill's message type, or a route: `POST /api/messages/`. */
  readonly operation: string;
  readonly recent: Figures;
}

/** One thing that can be asked for, and how that went: since the start, and the last 100 times. */
export class Operation {
  readonly latency = new Latency();
  errors = 0;
  readonly #recentMs = new Float64Array(RECENT);
  readonly #recentFailed = new Uint8Array(RECENT);
  #next = 0;

  constructor(readonly name: string) {}

  record(durationMs: number, failed: boolean): void {
    this.latency.add(durationMs);
    if (failed) this.errors += 1;
    const slot = this.#next;
    this.#recentMs[slot] = durationMs;
    this.#recentFailed[slot] = failed ? 1 : 0;
    this.#next = slot === RECENT - 1 ? 0 : slot + 1;
  }

  report(): OperationReport {
    const { latency, errors, name } = this;
    return {
      operation: name,
      count: latency.count,
      errors,
      p50_ms: round(latency.percentile(0.5)),
      p95_ms: round(latency.percentile(0.95)),
      p99_ms: round(latency.percentile(0.99)),
      max_ms: round(latency.max),
      recent: this.#reportRecent(),
    };
  }

  #reportRecent(): Figures {
    const count = Math.min(this.latency.count, RECENT);
    const sorted = this.#recentMs.slice(0, count).sort();
    const nearest = (share: number) => round(sorted[Math.max(0, Math.ceil(share * count) - 1)] ?? 0);
    return {
      count,
      errors: this.#recentFailed.subarray(0, count).reduce((errors, failed) => errors + failed, 0),
      p50_ms: nearest(0.5),
      p95_ms: nearest(0.95),
      p99_ms: nearest(0.99),
      max_ms: nearest(1),
    };
  }
}

/** Every operation of the gateway: its skills and its routes, in the order in which they were made. */
export class Operations {
  readonly #all = new Map<string, Operation>();

  /** The operation of that name, made when it is first asked for. Names come from our own tables, never from a peer. */
  named(name: string): Operation {
    let operation = this.#all.get(name);
    if (operation === undefined) {
      operation = new Operation(name);
      this.#all.set(name, operation);
    }
    return operation;
  }

  /** Those that have been asked for. */
  *used(): Generator<Operation> {
    for (const operation of this.#all.values()) if (operation.latency.count > 0) yield operation;
  }
}

/** Whole microseconds: a finer figure would be noise. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
