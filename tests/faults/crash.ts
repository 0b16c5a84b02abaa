/**
 * The crash ledger: a process outside the server notes every send, every answer and every arrival, while the server is
 * killed again and again in the middle of its work and the devices' connections break at random.
 *
 *     npm run test:crash [-- --short] [-- --save NAME]
 */
import { MAX_IN_FLIGHT } from "@qy-lty/server/delivery/window.ts";
import { FaultServer } from "./support/fault-server.ts";
import { HttpConnection } from "./support/http-connection.ts";
import { Ledger } from "./support/ledger.ts";
import { LtyClient, WireRecord } from "./support/lty-client.ts";
import { errorsIn, Report, runScript } from "./support/report.ts";

interface Scale {
  readonly kills: number;
  readonly devices: number;
  readonly sends: number;
  /** Sends a second, about. */
  readonly rate: number;
  /** A device's connection breaks about this often, milliseconds. */
  readonly cutEveryMs: number;
}

const LONG: Scale = { kills: 20, devices: 200, sends: 50_000, rate: 2_500, cutEveryMs: 3_000 };
const SHORT: Scale = { kills: 5, devices: 20, sends: 2_000, rate: 1_000, cutEveryMs: 700 };
const SENDERS = 48;
/** Every so many kills there is another one in the middle of the start that follows. */
const KILL_STARTING_EVERY = 5;
/** Before every second kill the senders do not pause, for so many sends. */
const BURST = 150;
const COMPLETE_MS = 60_000;

/** Runs the ledger; the report's figures are what it found. */
export async function crash(short: boolean): Promise<Report> {
  const scale = short ? SHORT : LONG;
  await using server = await FaultServer.start({ people: scale.devices });
  await using run = new Run(server, scale);
  await run.killing();
  return run.report();
}

class Run implements AsyncDisposable {
  readonly #ledger = new Ledger();
  readonly #record = new WireRecord();
  readonly #devices: LtyClient[];
  readonly #cutter: Timer;
  /** Resolves while the server is there. */
  #up = Promise.withResolvers<void>();
  #bursting = false;
  #answers = 0;
  #whenAnswers: { readonly at: number; resolve(): void } | undefined;
  #cuts = 0;
  #issued = 0;
  /** Requests that each kill left without an answer. */
  readonly #unansweredAt: number[] = [];
  #unanswered = 0;
  #retried = 0;
  #killsStarting = 0;

  constructor(
    private readonly server: FaultServer,
    private readonly scale: Scale,
  ) {
    this.#devices = server.tokens.map((token, index) => this.#device(token, index));
    for (const device of this.#devices) device.start();
    const tickMs = 20;
    let due = 0;
    this.#cutter = setInterval(() => {
      for (due += (scale.devices * tickMs) / scale.cutEveryMs; due >= 1; due--) this.#disturb();
    }, tickMs);
    this.#up.resolve();
  }

  /** Sends everything, and kills the server at so many random points of it. */
  async killing(): Promise<void> {
    const senders = Array.from({ length: SENDERS }, () => this.#send());
    const { kills, sends } = this.scale;
    const stretch = sends / (kills + 1);
    for (let kill = 1; kill <= kills; kill++) {
      const bursts = kill % 2 === 0;
      const at = Math.round(stretch * (kill - 1 + 0.3 + 0.6 * Math.random()));
      await this.#answered(at - (bursts ? BURST : 0));
      this.#bursting = bursts;
      await this.#answered(at);
      // Somewhere in the few milliseconds that follow.
      await Bun.sleep(Math.random() * 5);
      this.#up = Promise.withResolvers();
      this.#unanswered = 0;
      await this.server.kill();
      this.#bursting = false;
      await new Promise((resolve) => setImmediate(resolve));
      this.#unansweredAt.push(this.#unanswered);
      if (kill % KILL_STARTING_EVERY === 0) {
        this.#killsStarting += 1;
        await this.server.killWhileStarting(Math.random() * 400);
      }
      await this.server.serve();
      this.#up.resolve();
    }
    await Promise.all(senders);
    clearInterval(this.#cutter);
    for (const device of this.#devices) device.startReading();
    await this.#ledger.complete(COMPLETE_MS);
  }

  report(): Report {
    const { kills, devices, sends } = this.scale;
    const report = new Report(
      `Crash ledger: ${kills} × kill -9, ${devices} devices, ${sends.toLocaleString("en-US")} durable sends`,
    );
    const ledger = this.#ledger;
    const record = this.#record;
    const inFlight = this.#unansweredAt.filter((count) => count > 0).length;
    report.add("kills", this.#unansweredAt.length, "", { equals: kills });
    report.add("kills with accepts in flight", inFlight, "", { atLeast: kills / 2 });
    report.add("further kills in the middle of a start", this.#killsStarting);
    report.add("answered 2xx", ledger.accepted, "", { atLeast: 0.9 * sends });
    report.add("connections that were cut", this.#cuts, "", { atLeast: 1 });
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
    report.none("errors in the server's log", errorsIn(this.server.log));
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#cutter);
    this.#up.resolve();
    await Promise.all(this.#devices.map((device) => device.stop()));
  }

  #device(token: string, index: number): LtyClient {
    return new LtyClient({
      name: `device ${index + 1}`,
      server: this.server,
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
    const connection = new HttpConnection(() => this.server.port, this.server.admin);
    while (this.#issued < sends) {
      this.#issued += 1;
      const userId = 1 + Math.floor(Math.random() * devices);
      await this.#sendOne(connection, userId);
      if (!this.#bursting) await Bun.sleep((2 * Math.random() * SENDERS * 1000) / rate);
    }
    connection.close();
  }

  async #sendOne(connection: HttpConnection, userId: number): Promise<void> {
    const n = this.#ledger.issue(userId);
    const key = n % 2 === 0 ? { "Idempotency-Key": `send-${n}` } : undefined;
    for (;;) {
      await this.#up.promise;
      const body = `{"type":"notice","user_id":${userId},"message":{"n":${n}}}`;
      const answer = await connection.post("/api/messages/", body, key).catch(() => undefined);
      if (answer === undefined) {
        await Bun.sleep(10);
        continue;
      }
      if (answer === null) this.#unanswered += 1;
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

  /** Resolves when so many sends were answered, in this life and those before. */
  async #answered(at: number): Promise<void> {
    if (this.#answers >= at) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenAnswers = { at, resolve };
    await promise;
  }
}

if (import.meta.main) await runScript(crash);
