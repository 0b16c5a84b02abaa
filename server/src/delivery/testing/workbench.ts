import { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import type { CursorKey, NewMessage } from "../../store/log-store.ts";
import { MemoryLog } from "../../store/memory-log.ts";
import { HeldLog } from "../../store/testing/held-log.ts";
import { aMessage } from "../../store/testing/log-under-test.ts";
import { Attacher, type Attachment, type ResumePoint } from "../attach.ts";
import type { Consumer } from "../consumer.ts";
import { Consumers } from "../consumers.ts";
import { ltyV1 } from "../dialects.ts";
import { type Outlet, Pump } from "../pump.ts";
import { DeliveryTrace } from "../trace.ts";

/** Logs that answer at once, and logs whose every answer is a promise: what holds for one holds for the other. */
export const WAYS: readonly [string, boolean][] = [
  ["at once", false],
  ["later", true],
];

/** Lets everything that was answered be acted upon. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate);
}

/** One connection: what it was told, in a short form (`3`, `3 again`, `skip 5 expired`), and its pump. */
export class TestConnection implements Outlet {
  readonly said: string[] = [];
  readonly pump: Pump;
  congested = false;
  stalls = 0;

  constructor(bench: Workbench, consumer: Consumer, deviceId: number | null) {
    this.pump = new Pump(consumer, deviceId, this, ltyV1, bench, consumer.sent);
  }

  push(text: string): void {
    const frame = JSON.parse(text) as { type: string; seq: number; reason?: string; redelivered?: boolean };
    if (frame.type === "skip") this.said.push(`skip ${frame.seq} ${frame.reason}`);
    else this.said.push(frame.redelivered ? `${frame.seq} again` : String(frame.seq));
  }

  stalled(): void {
    this.stalls += 1;
  }
}

/** Consumers and a log of user 1, who owns devices 11 and 12, on a clock that stands still. */
export class Workbench {
  readonly clock = new ManualClock();
  readonly memory = new MemoryLog(this.clock);
  readonly log: HeldLog;
  readonly errors: unknown[] = [];
  /** What was set aside: `device:11 3`. */
  readonly dead = (consumer: Consumer, seq: number) => void this.setAside.push(`${consumer.consumer} ${seq}`);
  readonly setAside: string[] = [];
  readonly failed = (error: unknown) => void this.errors.push(error);
  readonly trace = new DeliveryTrace();
  readonly waiting = new Set<Pump>();
  consumers: Consumers;
  attacher: Attacher;

  constructor(answersLater = false) {
    this.log = new HeldLog(this.memory, answersLater);
    this.memory.bind(11, 1);
    this.memory.bind(12, 1);
    this.consumers = new Consumers(this.log, this.clock, this.trace, this.failed);
    this.attacher = new Attacher(this.log, this.consumers);
  }

  /** Takes messages without a word to anybody. */
  async take(count: number, message: Partial<NewMessage> = {}): Promise<void> {
    await this.memory.accept(Array.from({ length: count }, () => aMessage(message)));
  }

  /** The stored message at `seq`, as a hint brings it. */
  at(seq: number) {
    const [message] = this.memory.read(1, seq - 1, 1);
    if (message?.seq !== seq) throw new Error(`nothing at ${seq}`);
    return message;
  }

  async attach(consumer: string, resume: ResumePoint | null = null): Promise<Attachment> {
    const start = consumer.startsWith("app:") ? "top" : "oldest";
    return this.attacher.attach({ consumer, userId: 1, start }, resume);
  }

  /** Connects as a consumer; what the log has is sent. */
  async connect(consumer: string, resume: ResumePoint | null = null): Promise<TestConnection> {
    const connection = this.pumpTo((await this.attach(consumer, resume)).consumer);
    connection.pump.fill();
    await settle();
    return connection;
  }

  /** A pump that was not told to begin yet. */
  pumpTo(consumer: Consumer): TestConnection {
    const [kind, id] = consumer.consumer.split(":");
    return new TestConnection(this, consumer, kind === "device" ? Number(id) : null);
  }

  /** What is on disk of a consumer's cursor, once what is known has been written. */
  async saved(consumer: string): Promise<number | undefined> {
    await this.consumers.flush();
    return this.memory.cursor(keyOf(consumer))?.acked;
  }

  /** The process ends in order and another begins on the same log. */
  async restart(): Promise<void> {
    await this.consumers.flush();
    this.consumers.stop();
    this.consumers = new Consumers(this.log, this.clock, this.trace, this.failed);
    this.attacher = new Attacher(this.log, this.consumers);
  }
}

function keyOf(consumer: string): CursorKey {
  return { consumer, userId: 1 };
}

/** The numbers from `first` to `last`, as a connection says them. */
export function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index));
}
