import type { Database } from "bun:sqlite";
import type { Clock } from "@qy-lty/server/platform/clock.ts";
import type { LogStore, Quota } from "@qy-lty/server/store/log-store.ts";
import { MemoryLog } from "@qy-lty/server/store/memory-log.ts";
import { SqliteLog } from "@qy-lty/server/store/sqlite-log.ts";
import { InlineWriter } from "@qy-lty/server/store/sqlite-writer.ts";
import { SqliteFile } from "@qy-lty/server/store/testing/sqlite-file.ts";

/** A copy of what was on a disk, to be put back. */
export type Copy = () => void;

/** What outlives a process. User 1 is there and owns the devices 11 and 12. */
export interface Disk extends Disposable {
  /** The log as it is on the disk, for whoever serves it now, and for who looks on. */
  readonly log: LogStore;
  /** The process that had it open is gone. */
  reopen(): void;
  /** Copies the disk as it stands: `backup` knows that it is one, `copy` does not. */
  copy(as: "copy" | "backup"): Copy;
}

/** How a disk is made. */
export interface DiskKind {
  readonly name: string;
  /** Whether reads come as promises. */
  readonly answersLater: boolean;
  make(clock: Clock, quota: Quota): Promise<Disk>;
}

export const DISKS: readonly DiskKind[] = [
  { name: "memory", answersLater: false, make: async (clock, quota) => new MemoryDisk(clock, quota) },
  {
    name: "memory that answers later",
    answersLater: true,
    make: async (clock, quota) => new MemoryDisk(clock, quota),
  },
  {
    name: "SQLite",
    answersLater: false,
    make: async (clock, quota) => new SqliteDisk(await SqliteFile.make(), clock, quota),
  },
];

class MemoryDisk implements Disk {
  log: MemoryLog;

  constructor(clock: Clock, quota: Quota) {
    this.log = new MemoryLog(clock, quota);
    for (const deviceId of [11, 12]) this.log.bind(deviceId, 1);
  }

  reopen(): void {}

  copy(as: "copy" | "backup"): Copy {
    const copy = this.log.copy(as);
    return () => {
      // The copy may be put back again.
      this.log = copy.copy(as);
    };
  }

  [Symbol.dispose](): void {}
}

class SqliteDisk implements Disk {
  log: SqliteLog;
  #connection: Database | undefined;
  constructor(
    private readonly file: SqliteFile,
    private readonly clock: Clock,
    private readonly quota: Quota,
  ) {
    this.log = this.#open();
    this.#connection?.run("UPDATE device SET user_id = 1");
  }

  reopen(): void {
    this.file.disconnect();
    this.log = this.#open();
  }

  copy(as: "copy" | "backup"): Copy {
    const copy = this.file.copy(as);
    return () => {
      this.file.restore(copy);
      this.log = this.#open();
    };
  }

  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
  }

  #open(): SqliteLog {
    const database = this.file.connect();
    this.#connection = database;
    // What is lost in a crash the model loses before it is written: the machine itself does not go down.
    database.run("PRAGMA synchronous = OFF");
    return new SqliteLog(database, new InlineWriter(database, this.quota), this.clock);
  }
}
