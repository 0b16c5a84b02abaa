import type { FaultServer } from "./fault-server.ts";
import { type Arrival, LtyClient, WireRecord } from "./lty-client.ts";
import type { Report } from "./report.ts";

export interface FleetOptions {
  /** How long a device waits before it connects again, milliseconds; `attempt` counts from 0 since it was last connected. */
  retryMs?(attempt: number): number;
  /** A message was given to the handler of the user's device. */
  handle?(userId: number, message: Arrival): void;
  readonly host?: string;
}

/** Devices of users, one each, that all behave alike. */
export class Fleet implements AsyncDisposable {
  readonly record = new WireRecord();
  readonly clients: readonly LtyClient[];
  /** Messages handled, all devices together. */
  handled = 0;
  readonly #waits = new Set<{ reached(): boolean; resolve(): void }>();

  constructor(
    server: FaultServer,
    readonly users: readonly number[],
    options: FleetOptions = {},
  ) {
    this.clients = users.map((userId) => {
      return new LtyClient({
        name: `device ${userId}`,
        server,
        ...(options.host !== undefined && { host: options.host }),
        token: server.tokens[userId - 1] ?? "",
        record: this.record,
        says: true,
        retryMs: options.retryMs ?? (() => 50 + Math.random() * 200),
        greeted: () => this.#check(),
        handle: (message) => {
          this.handled += 1;
          options.handle?.(userId, message);
          this.#check();
        },
      });
    });
  }

  /** Connects everybody, not all at once. Resolves when everybody was greeted. */
  async connect(atOnce = 128): Promise<void> {
    const queue = this.clients.values();
    const work = async () => {
      for (const client of queue) {
        client.start();
        await client.greeted();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.stop()));
  }

  /** Resolves to true once so many messages were handled in all, to false when that takes longer than `ms`. */
  handles(count: number, ms: number): Promise<boolean> {
    return this.reaches(() => this.handled >= count, ms);
  }

  /** Resolves to true once `reached` after a greeting or a message, to false when that takes longer than `ms`. */
  async reaches(reached: () => boolean, ms: number): Promise<boolean> {
    if (reached()) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wait = { reached, resolve };
    this.#waits.add(wait);
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#waits.delete(wait);
    return reached();
  }

  /** What no device may ever see. */
  addTo(report: Report): void {
    const { record } = this;
    report.none("order violations on the wire", record.outOfOrder);
    report.none("duplicates on a live connection", record.repeatedLive);
    report.none("duplicates after a reconnect that are not marked", record.unmarked);
    report.none("cursors past what was handled", record.cursorAhead);
    report.none("unexpected frames", record.unexpected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #check(): void {
    for (const { reached, resolve } of this.#waits) if (reached()) resolve();
  }
}

/** The numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
