import type { Clock } from "@qy-lty/server/platform/clock.ts";
import type { LogStore, Quota } from "@qy-lty/server/store/log-store.ts";
import { MemoryLog } from "@qy-lty/server/store/memory-log.ts";
import { SqliteLog } from "@qy-lty/server/store/sqlite-log.ts";
import { InlineWriter, type SqliteWriter, ThreadWriter } from "@qy-lty/server/store/sqlite-writer.ts";
import { SqliteFile } from "@qy-lty/server/store/testing/sqlite-file.ts";

/** A copy of what was on a disk, to be put back. */
export type Copy = () => Promise<void>;

/** Devices that are bound to user 1 at first. */
export const DEVICES = [11, 12, 13] as const;

/** What outlives a process. Users 1 and 2 are there. */
export interface Disk extends AsyncDisposable {
  /** The log as it is on the disk, for whoever serves it now, and for who looks on. */
  readonly log: LogStore;
  /** The process that had it open is gone. */
  reopen(): Promise<void>;
  /** The device is a user's from now on, and no more another's. */
  bind(deviceId: number, userId: number): void;
  /** Copies the disk as it stands: `backup` knows that it is one, `copy` does not. */
  copy(as: "copy" | "backup"): Copy;
}

/** How a disk is made. */
export interface DiskKind {
  readonly name: string;
  /** Whether reads come as promises. */
  readonly answersLater: boolean;
  make(clock: Clock, quota: Quota): Promise<Disk>;
  /** Of the stories of the short form it gets so many. */
  readonly share: number;
}

export const DISKS: readonly DiskKind[] = [
  { name: "memory", answersLater: false, share: 1, make: async (clock, quota) => new MemoryDisk(clock, quota) },
  {
    name: "memory that answers later",
    answersLater: true,
    share: 1,
    make: async (clock, quota) => new MemoryDisk(clock, quota),
  },
  {
    name: "SQLite",
    answersLater: false,
    share: 1,
    make: (clock, quota) => SqliteDisk.make(clock, quota, false),
  },
  {
    name: "SQLite with a writer's thread",
    answersLater: false,
    share: 0.25,
    make: (clock, quota) => SqliteDisk.make(clock, quota, true),
  },
];

class MemoryDisk implements Disk {
  log: MemoryLog;

  constructor(clock: Clock, quota: Quota) {
    this.log = new MemoryLog(clock, quota);
    for (const deviceId of DEVICES) this.log.bind(deviceId, 1);
  }

  async reopen(): Promise<void> {}

  bind(deviceId: number, userId: number): void {
    this.log.bind(deviceId, userId);
  }

  copy(as: "copy" | "backup"): Copy {
    const copy = this.log.copy(as);
    return async () => {
      // The copy may be put back again.
      this.log = copy.copy(as);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class SqliteDisk implements Disk {
  #log: SqliteLog | undefined;
  #writer: SqliteWriter | undefined;

  static async make(clock: Clock, quota: Quota, threaded: boolean): Promise<SqliteDisk> {
    const disk = new SqliteDisk(await SqliteFile.make(), clock, quota, threaded);
    disk.file.add(...DEVICES);
    for (const deviceId of DEVICES) disk.bind(deviceId, 1);
    await disk.#open();
    return disk;
  }

  private constructor(
    private readonly file: SqliteFile,
    private readonly clock: Clock,
    private readonly quota: Quota,
    private readonly threaded: boolean,
  ) {}

  get log(): SqliteLog {
    if (this.#log === undefined) throw new Error("the disk is not open");
    return this.#log;
  }

  async reopen(): Promise<void> {
    await this.#writer?.close();
    this.file.disconnect();
    await this.#open();
  }

  bind(deviceId: number, userId: number): void {
    this.file.bind(deviceId, userId);
  }

  copy(as: "copy" | "backup"): Copy {
    const copy = this.file.copy(as);
    return async () => {
      await this.#writer?.close();
      this.file.restore(copy);
      await this.#open();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.close();
    this.file[Symbol.dispose]();
  }

  async #open(): Promise<void> {
    const database = this.file.connect();
    // What is lost in a crash the model loses before it is written: the machine itself does not go down.
    database.run("PRAGMA synchronous = OFF");
    this.#writer = this.threaded
      ? new ThreadWriter(this.file.path, this.quota)
      : new InlineWriter(database, this.quota);
    if (this.threaded) await this.#writer.call("query", "PRAGMA synchronous = OFF", []);
    this.#log = new SqliteLog(database, this.#writer, this.clock);
  }
}
