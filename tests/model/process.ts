import type { MemoryHub } from "@qy-lty/server/broker/memory.ts";
import { HeldLog } from "@qy-lty/server/store/testing/held-log.ts";
import type { ModelClock } from "./clock.ts";
import type { Disk, DiskKind, Mount } from "./disk.ts";
import { holdShared } from "./held-shared.ts";
import { ServerNode } from "./node.ts";
import { type Watch, WatchedLog } from "./watched-log.ts";

/** What a process runs on. */
export interface Machine {
  readonly kind: DiskKind;
  readonly disk: Disk;
  readonly clock: ModelClock;
  /** Carries hints between the processes. */
  readonly hub: MemoryHub;
  readonly watch: Watch;
}

/** A server's process, and its way to the disk, which can be slow or fail. It dies, and another takes its place. */
export class Process {
  /** It has been held, and not released since. */
  isSlow = false;

  private constructor(
    readonly node: ServerNode,
    readonly gate: HeldLog,
    private readonly mount: Mount,
  ) {}

  /** A process that has the disk, and has not opened the log. */
  static async make({ kind, disk, clock, hub, watch }: Machine): Promise<Process> {
    const own = clock.ofProcess();
    const mount = await disk.mount(own);
    const gate = new HeldLog(new WatchedLog(mount.log, watch), kind.answersLater, disk.turn?.run);
    const shared = mount.shared && holdShared(mount.shared, gate);
    return new Process(new ServerNode(gate, own, hub.join(), shared), gate, mount);
  }

  hold(): void {
    this.gate.hold();
    this.isSlow = true;
  }

  async release(): Promise<void> {
    this.isSlow = false;
    await this.gate.release();
  }

  fail(count: number): void {
    this.gate.failNext(...Array.from({ length: count }, () => new Error("disk full")));
  }

  get isCutOff(): boolean {
    return this.mount.isCutOff;
  }

  cutOff(): Promise<void> {
    return this.mount.cutOff();
  }

  /** Ends as by `kill -9`, with so many writes done that it never heard of. */
  async die(done: number): Promise<void> {
    await this.gate.crash(done);
    await this.node.die();
    await this.mount.lose();
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    this.gate.heal();
    await this.release();
    await this.node.stop();
    await this.die(0);
  }
}
