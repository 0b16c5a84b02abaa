import type { Clock } from "@qy-lty/server/platform/clock.ts";
import type { Cursor, LogStore, Quota } from "@qy-lty/server/store/log-store.ts";
import { MemoryLog } from "@qy-lty/server/store/memory-log.ts";
import type { SharedStore } from "@qy-lty/server/store/shared-store.ts";
import { SqliteLog } from "@qy-lty/server/store/sqlite-log.ts";
import { InlineWriter, type SqliteWriter, ThreadWriter } from "@qy-lty/server/store/sqlite-writer.ts";
import { SqliteFile } from "@qy-lty/server/store/testing/sqlite-file.ts";
import { CONSUMERS } from "./client.ts";
import type { Turn } from "./turn.ts";

/** A copy of what was on a disk, to be put back. */
export type Copy = () => Promise<void>;

/** Devices that are bound to user 1 at first. */
export const DEVICES = [11, 12, 13] as const;

/** What a disk holds for user 1. */
export interface Look {
  readonly epoch: string;
  /** By consumer. */
  readonly cursors: ReadonlyMap<string, Pick<Cursor, "acked" | "attempts">>;
  /** The ids of all its messages, in order. */
  readonly ids: readonly string[];
}

/** A process's own way to the disk. */
export interface Mount {
  readonly log: LogStore;
  /** What processes share beside the log, where there are several. */
  readonly shared: SharedStore | null;
  /** Other processes do not hear it, nor it them, until it comes back by itself. */
  readonly isCutOff: boolean;
  /** From now on so. Nothing happens where there are no others. */
  cutOff(): Promise<void>;
  /** The process is gone. */
  lose(): Promise<void>;
}

/** What outlives a process. Users 1 and 2 are there. */
export interface Disk extends AsyncDisposable {
  /** What happens on it one thing after another, whoever asks; null: as its only process asks. */
  readonly turn: Turn | null;
  /** A process begins, with this clock. */
  mount(clock: Clock): Promise<Mount>;
  look(): Look | Promise<Look>;
  /** The device is a user's from now on, and no more another's. */
  bind(deviceId: number, userId: number): void | Promise<void>;
  /** Copies the disk as it stands: `backup` knows that it is one, `copy` does not. It is put back while nobody serves it. */
  copy(as: "copy" | "backup"): Copy | Promise<Copy>;
}

/** How a disk is made. */
export interface DiskKind {
  readonly name: string;
  /** How many processes serve it at once. */
  readonly nodes: number;
  /** Whether reads come as promises. */
  readonly answersLater: boolean;
  make(clock: Clock, quota: Quota): Promise<Disk>;
  /** Of the stories of the short form it gets so many. */
  readonly share: number;
}

export const DISKS: readonly DiskKind[] = [
  {
    name: "memory",
    nodes: 1,
    answersLater: false,
    share: 1,
    make: async (clock, quota) => new MemoryDisk(clock, quota),
  },
  {
    name: "memory that answers later",
    nodes: 1,
    answersLater: true,
    share: 1,
    make: async (clock, quota) => new MemoryDisk(clock, quota),
  },
  {
    name: "SQLite",
    nodes: 1,
    answersLater: false,
    share: 1,
    make: (clock, quota) => SqliteDisk.make(clock, quota, false),
  },
  {
    name: "SQLite with a writer's thread",
    nodes: 1,
    answersLater: false,
    share: 0.25,
    make: (clock, quota) => SqliteDisk.make(clock, quota, true),
  },
];

/** A log that is read at once. */
type ReadableLog = MemoryLog | SqliteLog;

/** What is read again and again is read only where it is asked for. */
function lookAt(log: ReadableLog): Look {
  return {
    get epoch() {
      return log.position(1).epoch;
    },
    get cursors() {
      const found = new Map<string, Pick<Cursor, "acked" | "attempts">>();
      for (const consumer of CONSUMERS) {
        const cursor = log.cursor({ consumer, userId: 1 });
        if (cursor !== undefined) found.set(consumer, { acked: cursor.acked, attempts: cursor.attempts });
      }
      return found;
    },
    get ids() {
      return log.read(1, 0, 100_000).map(({ messageId }) => messageId);
    },
  };
}

/** A process without others. */
const ALONE = { shared: null, isCutOff: false, cutOff: async () => {} };

class MemoryDisk implements Disk {
  readonly turn = null;
  #log: MemoryLog;

  constructor(clock: Clock, quota: Quota) {
    this.#log = new MemoryLog(clock, quota);
    for (const deviceId of DEVICES) this.#log.bind(deviceId, 1);
  }

  async mount(): Promise<Mount> {
    return { ...ALONE, log: this.#log, lose: async () => {} };
  }

  look(): Look {
    return lookAt(this.#log);
  }

  bind(deviceId: number, userId: number): void {
    this.#log.bind(deviceId, userId);
  }

  copy(as: "copy" | "backup"): Copy {
    const copy = this.#log.copy(as);
    return async () => {
      // The copy may be put back again.
      this.#log = copy.copy(as);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class SqliteDisk implements Disk {
  readonly turn = null;
  #log: SqliteLog | undefined;
  #writer: SqliteWriter | undefined;

  static async make(clock: Clock, quota: Quota, threaded: boolean): Promise<SqliteDisk> {
    const disk = new SqliteDisk(await SqliteFile.make(), clock, quota, threaded);
    disk.file.add(...DEVICES);
    for (const deviceId of DEVICES) disk.bind(deviceId, 1);
    return disk;
  }

  private constructor(
    private readonly file: SqliteFile,
    private readonly clock: Clock,
    private readonly quota: Quota,
    private readonly threaded: boolean,
  ) {}

  async mount(): Promise<Mount> {
    const database = this.file.connect();
    // What is lost in a crash the model loses before it is written: the machine itself does not go down.
    database.run("PRAGMA synchronous = OFF");
    const writer = this.threaded
      ? new ThreadWriter(this.file.path, this.quota)
      : new InlineWriter(database, this.quota);
    if (this.threaded) await writer.call("query", "PRAGMA synchronous = OFF", []);
    const log = new SqliteLog(database, writer, this.clock);
    this.#log = log;
    this.#writer = writer;
    return { ...ALONE, log, lose: () => this.#lose() };
  }

  look(): Look {
    if (this.#log === undefined) throw new Error("the disk is not open");
    return lookAt(this.#log);
  }

  bind(deviceId: number, userId: number): void {
    this.file.bind(deviceId, userId);
  }

  copy(as: "copy" | "backup"): Copy {
    const copy = this.file.copy(as);
    return async () => this.file.restore(copy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lose();
    this.file[Symbol.dispose]();
  }

  async #lose(): Promise<void> {
    await this.#writer?.close();
    this.#writer = this.#log = undefined;
    this.file.disconnect();
  }
}
