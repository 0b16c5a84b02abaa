import { MemoryHub } from "@qy-lty/server/broker/memory.ts";
import type { ModelClock } from "./clock.ts";
import type { Disk, DiskKind } from "./disk.ts";
import { Process } from "./process.ts";
import type { Watch } from "./watched-log.ts";

/** The processes that serve one disk, each in its place. */
export class Servers {
  readonly #hub = new MemoryHub();
  /** By place; undefined: none is there now. */
  readonly #processes: (Process | undefined)[];

  constructor(
    private readonly kind: DiskKind,
    private readonly disk: Disk,
    private readonly clock: ModelClock,
    private readonly watch: Watch,
  ) {
    this.#processes = Array.from({ length: kind.nodes }, () => undefined);
  }

  get running(): readonly Process[] {
    return this.#processes.filter((process) => process !== undefined);
  }

  /** Whether the disk keeps any of them waiting. */
  get isSlow(): boolean {
    return this.running.some(({ isSlow }) => isSlow);
  }

  /** Who serves at a place, or the first that serves at all where nobody is there. */
  at(place: number): Process {
    const process = this.#processes[place % this.#processes.length] ?? this.running[0];
    if (process === undefined) throw new Error("no process serves");
    return process;
  }

  /** Makes a process in every place where there is none; they have not opened the log yet. */
  async make(): Promise<readonly Process[]> {
    const { kind, disk, clock, watch } = this;
    const made: Process[] = [];
    for (const [place, process] of this.#processes.entries()) {
      if (process !== undefined) continue;
      const next = await Process.make({ kind, disk, clock, watch, hub: this.#hub });
      this.#processes[place] = next;
      made.push(next);
    }
    return made;
  }

  /** One is no more. */
  remove(process: Process): void {
    this.#processes[this.#processes.indexOf(process)] = undefined;
  }

  async release(): Promise<void> {
    for (const process of this.running) await process.release();
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    const { turn } = this.disk;
    for (let turns = 0; turns < 3; turns++) {
      await new Promise(setImmediate);
      const isBusy = turn?.isBusy || this.running.some(({ gate }) => gate.isBusy);
      if (turn?.isBusy) await turn.idle();
      if (isBusy) turns = -1;
    }
  }
}
