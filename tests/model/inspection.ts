import { CONSUMERS, KINDS } from "./client.ts";
import type { Look } from "./disk.ts";
import type { Holds } from "./holds.ts";
import { demand, type Reference } from "./reference.ts";
import type { Wire } from "./wire.ts";

/** What is the case when a step is over. */
export interface Scene {
  readonly look: Look;
  /** Connections whose server's end is not over. */
  readonly wires: readonly Wire[];
  /** Nothing may wait: no disk is slow, no hint was lost that the sweep has not made up for. */
  readonly isPrompt: boolean;
  /** Writes fail, or have failed since the last sweep. */
  readonly mayFail: boolean;
  /** A node does not hear the others, or has not heard them at some time. */
  readonly isCutOff: boolean;
  readonly isTorn: boolean;
  /** Time enough has passed for cursors to be written. */
  readonly isWritten: boolean;
}

/** Looks after every step whether all is as it should be. */
export class Inspection {
  constructor(
    private readonly reference: Reference,
    private readonly holds: Holds,
    private readonly see: (what: string) => void,
  ) {}

  inspect(scene: Scene, checks: readonly (() => void)[]): void {
    const { look, wires } = scene;
    const { cursors } = look;
    for (const consumer of CONSUMERS) {
      const cursor = cursors.get(consumer);
      if (cursor === undefined) this.#checkForgotten(consumer, scene);
      else this.#checkCursor(consumer, cursor.acked, scene);
    }
    this.reference.checkHeld(look.ids);
    for (const check of checks) check();
    if (scene.isPrompt) for (const wire of wires) this.#checkSent(wire);
    for (const { deviceId } of KINDS) {
      // It ends what others took over once it hears of it.
      if (deviceId === null || scene.isCutOff) continue;
      const its = wires.filter(({ kind, isLive }) => isLive && kind.isReliable && kind.deviceId === deviceId);
      demand(its.length <= 1, "I10", () => `a device has ${its.length} connections`);
    }
  }

  /** A consumer without a cursor has never been here, or was away for long; messages do not wait for it. */
  #checkForgotten(consumer: string, { wires, mayFail }: Scene): void {
    this.reference.timeline.cursors.delete(consumer);
    const isApp = consumer.startsWith("app:");
    const isHere = wires.some(({ kind, isLive }) => isLive && kind.consumer === consumer);
    demand(!isApp || !isHere || mayFail, "I1", () => `${consumer} was forgotten, though it is connected`);
  }

  /** Shared or not, a cursor is the least of what its connections acknowledged, and stays where one stood that left. */
  #checkCursor(consumer: string, acked: number, { wires, isTorn, isPrompt, isWritten }: Scene): void {
    this.reference.checkCursor(consumer, acked);
    if (isTorn) return;
    const passed = wires
      .filter(({ kind, isLive, isTheirs }) => isLive && !isTheirs && kind.consumer === consumer)
      .map((wire) => wire.passed);
    if (isPrompt && isWritten) this.#checkWritten(consumer, acked, wires);
    const least = Math.min(this.holds.of(consumer), ...passed);
    demand(acked <= least, "I8", () => `the cursor of ${consumer} is at ${acked}, a connection of it at ${least}`);
  }

  /** What all of a consumer's connections acknowledged is on the disk. */
  #checkWritten(consumer: string, acked: number, wires: readonly Wire[]): void {
    const its = wires.filter(({ kind, isLive, isTheirs }) => isLive && !isTheirs && kind.consumer === consumer);
    const due = Math.min(this.holds.claimedOf(consumer), ...its.map(({ claimed }) => claimed));
    const isThere = its.length === 0 || acked >= due;
    demand(isThere, "I8", () => `the cursor of ${consumer} is at ${acked}, though all acknowledged ${due}`);
  }

  /** Nothing waits that could be sent: no wake-up was lost. */
  #checkSent(wire: Wire): void {
    const { kind, session, last } = wire;
    if (session?.congested) this.see("congested");
    if (!wire.isLive || wire.isTheirs || session?.congested || (!kind.isReliable && !wire.hasPonged)) return;
    const { reference } = this;
    const due = reference.between(last, reference.top).find((entry) => !reference.isExcused(kind.consumer, entry));
    if (due === undefined) return;
    demand(!wire.takes(due), "a lost wake-up", () => `${kind.name} was not sent ${due.seq}, it has ${last}`);
    this.see("full window");
  }
}
