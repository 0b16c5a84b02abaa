import { MAX_IN_FLIGHT } from "@qy-lty/server/delivery/window.ts";
import { HttpConnection } from "./http-connection.ts";
import { Ledger } from "./ledger.ts";
import { LtyClient, WireRecord } from "./lty-client.ts";
import { errorsIn, type Report } from "./report.ts";

/** Who serves: `port` is asked at every connect, and may name another of several servers each time. */
export interface LedgerTarget {
  readonly port: number;
  /** Token of the device `i + 1`, of user `i + 1`. */
  readonly tokens: readonly string[];
  readonly admin: string;
  /** What the servers logged. */
  readonly log: string;
}

export interface LedgerScale {
  readonly devices: number;
  readonly sends: number;
  /** Sends a second, about. */
  readonly rate: number;
  /** A device's connection breaks about this often, milliseconds; null: none does. */
  readonly cutEveryMs: number | null;
}

const SENDERS = 48;
const COMPLETE_MS = 60_000;
/** What a server answers that cannot take anything now: asked again, as its `Retry-After` says. */
const UNAVAILABLE = 503;

/**
 * Senders, devices with flaky connections, and a ledger between them, outside of the servers. Whoever runs it kills what
 * they like meanwhile.
 */
export class LedgerRun implements AsyncDisposable {
  /** Senders do not pause. */
  bursting = false;
  /** Requests left without an answer since this was set to 0. */
  unanswered = 0;
  readonly #ledger = new Ledger();
  readonly #record = new WireRecord();
  readonly #devices: readonly LtyClient[];
  readonly #cutter: Timer;
  /** Resolves while there is somebody to send to. */
  #open = Promise.withResolvers<void>();
  #answers = 0;
  #whenAnswers: { readonly at: number; resolve(): void } | undefined;
  #cuts = 0;
  #issued = 0;
  #retried = 0;
  #turnedAway = 0;

  constructor(
    private readonly target: LedgerTarget,
    private readonly scale: LedgerScale,
  ) {
    this.#devices = target.tokens.map((token, index) => this.#device(token, index));
    for (const device of this.#devices) device.start();
    const tickMs = 20;
    const cutEveryMs = scale.cutEveryMs ?? Number.POSITIVE_INFINITY;
    let due = 0;
    this.#cutter = setInterval(() => {
      for (due += (scale.devices * tickMs) / cutEveryMs; due >= 1; due--) this.#disturb();
    }, tickMs);
    this.#open.resolve();
  }

  /** How devices' connections were closed, by code; null where they broke. */
  get closes(): ReadonlyMap<number | null, number> {
    return this.#record.closes;
  }

  /** Resolves when every device was greeted. */
  async connected(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.greeted()));
  }

  /** Sends everything; resolves when each was answered, or nobody knows what became of it. */
  async send(): Promise<void> {
    await Promise.all(Array.from({ length: SENDERS }, () => this.#send()));
  }

  /** From here on senders wait, until `release`. */
  hold(): void {
    this.#open = Promise.withResolvers();
  }

  release(): void {
    this.#open.resolve();
  }

  /** Resolves when so many sends were answered. */
  async answered(at: number): Promise<void> {
    if (this.#answers >= at) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenAnswers = { at, resolve };
    await promise;
  }

  /** No connection breaks any more; resolves when everything accepted has arrived, or after a minute. */
  async complete(): Promise<void> {
    clearInterval(this.#cutter);
    for (const device of this.#devices) device.startReading();
    await this.#ledger.complete(COMPLETE_MS);
  }

  addTo(report: Report): void {
    const ledger = this.#ledger;
    const record = this.#record;
    report.add("answered 2xx", ledger.accepted, "", { atLeast: 0.9 * this.scale.sends });
    if (this.scale.cutEveryMs !== null) report.add("connections that were cut", this.#cuts, "", { atLeast: 1 });
    report.add("turned away (503), and sent again", this.#turnedAway);
    report.add("unanswered, and sent again under their idempotency key", this.#retried);
    report.add("unanswered for good", ledger.count("unanswered"));
    report.add("of these delivered all the same", ledger.unansweredArrived);
    report.add("refused", ledger.count("refused"));
    report.none("2xx lost", ledger.lost());
    report.none("order violations at the handler", ledger.disorder);
    report.none("order violations on the wire", record.outOfOrder);
    report.none("sent later, in the log earlier", ledger.overtaken());
    report.none("duplicates at the handler", ledger.handledTwice());
    report.none("delivered under another seq or id than answered", ledger.misnamed());
    report.none("refused and delivered", ledger.refusedArrived());
    report.none("duplicates on a live connection", record.repeatedLive);
    report.add("duplicates after a reconnect", record.repeated);
    report.none("of these not marked `redelivered`", record.unmarked);
    report.add("most of them on one connection", record.mostRepeated, "", { atMost: MAX_IN_FLIGHT });
    report.none("cursors past what was handled", record.cursorAhead);
    report.add("resets", record.resets.length, "", { equals: 0 });
    report.none("unexpected frames", record.unexpected);
    report.none("errors in the servers' log", errorsIn(this.target.log));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#cutter);
    this.#open.resolve();
    await Promise.all(this.#devices.map((device) => device.stop()));
  }

  #device(token: string, index: number): LtyClient {
    return new LtyClient({
      name: `device ${index + 1}`,
      server: this.target,
      token,
      record: this.#record,
      // Of some the server alone knows where they stand.
      says: index % 4 !== 0,
      retryMs: () => 10 + Math.random() * 150,
      handle: (message) => this.#ledger.arrived(index + 1, message),
      // Some are slow, so that connections break with messages under way.
      ackAfterMs: () => (index % 2 === 0 ? 0 : Math.random() * 100),
    });
  }

  /** One device stops reading for a while, or not at all, and then its connection breaks. */
  #disturb(): void {
    const device = this.#devices[Math.floor(Math.random() * this.#devices.length)];
    if (device?.socket === undefined) return;
    this.#cuts += 1;
    const { socket } = device;
    if (Math.random() < 0.5) {
      socket.cut();
      return;
    }
    socket.stopReading();
    setTimeout(() => socket.cut(), Math.random() * 300);
  }

  /** Sends one after another until everything is sent, over one connection. */
  async #send(): Promise<void> {
    const { sends, devices, rate } = this.scale;
    const connection = new HttpConnection(() => this.target.port, this.target.admin);
    while (this.#issued < sends) {
      this.#issued += 1;
      const userId = 1 + Math.floor(Math.random() * devices);
      await this.#sendOne(connection, userId);
      if (!this.bursting) await Bun.sleep((2 * Math.random() * SENDERS * 1000) / rate);
    }
    connection.close();
  }

  async #sendOne(connection: HttpConnection, userId: number): Promise<void> {
    const n = this.#ledger.issue(userId);
    const key = n % 2 === 0 ? { "Idempotency-Key": `send-${n}` } : undefined;
    for (;;) {
      await this.#open.promise;
      const body = `{"type":"notice","user_id":${userId},"message":{"n":${n}}}`;
      const answer = await connection.post("/api/messages/", body, key).catch(() => undefined);
      if (answer === undefined || answer?.status === UNAVAILABLE) {
        if (answer !== undefined) this.#turnedAway += 1;
        await Bun.sleep(10 + Math.random() * 100);
        continue;
      }
      if (answer === null) this.unanswered += 1;
      if (answer === null && key !== undefined) {
        this.#retried += 1;
        continue;
      }
      this.#ledger.answered(n, answer);
      this.#answers += 1;
      if (this.#whenAnswers !== undefined && this.#answers >= this.#whenAnswers.at) this.#whenAnswers.resolve();
      return;
    }
  }
}
