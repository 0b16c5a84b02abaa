import { type Answer, HttpConnection } from "./http-connection.ts";
import { Ledger } from "./ledger.ts";
import { type Arrival, LtyClient, WireRecord } from "./lty-client.ts";
import type { Report } from "./report.ts";

/** A node, as senders and devices reach it. */
export interface LoadNode {
  readonly host?: string;
  readonly port: number;
}

export interface SteadyLoadOptions {
  readonly nodes: readonly LoadNode[];
  /** Token of the device `i + 1`, of user `i + 1`. */
  readonly tokens: readonly string[];
  /** Who may push to everybody. */
  readonly admin: string;
  /** Sends a second, all senders together. */
  readonly perSecond: number;
  /** A device lets go of a connection on which nothing came for so long, milliseconds; never unless given. */
  readonly silenceMs?: number;
}

/** What happened between two moments. */
export interface Stretch {
  readonly accepted: number;
  /** From the answer to the arrival, milliseconds. */
  readonly p50: number;
  readonly worst: number;
  /** How long after its begin a message was accepted last that took longer than `SLOW_MS`, seconds; 0 when none did. */
  readonly calmAfterS: number;
}

/** What takes longer from the answer to the arrival is not how it is in peace, milliseconds. */
export const SLOW_MS = 1_000;
/** A sender's way to a node. */
interface Way {
  connection: HttpConnection;
  /** It goes to another node meanwhile, if there is one. */
  badUntil: number;
}

const SENDERS = 32;
const ANSWER_MS = 3_000;
const COMPLETE_MS = 60_000;
const UNAVAILABLE = 503;
const RETRY_MS = 100;
/** How long a sender avoids a node that did not answer, milliseconds. */
const AVOID_MS = 5_000;

/**
 * Pushes to devices without an end, over any of several nodes, and a ledger of them. A push that was not answered, or turned
 * away, is made again under its key, at whichever node.
 */
export class SteadyLoad implements AsyncDisposable {
  readonly record = new WireRecord();
  readonly devices: readonly LtyClient[];
  readonly #ledger = new Ledger();
  readonly #acceptedAt: number[] = [];
  readonly #arrivedAt: number[] = [];
  /** The node that each device came to last, by its user. */
  readonly #at: number[] = [];
  #turnedAway = 0;
  #unanswered = 0;
  #stopped = false;
  #sending: Promise<unknown> | undefined;

  constructor(private readonly options: SteadyLoadOptions) {
    this.devices = options.tokens.map((token, index) => this.#device(token, index + 1));
  }

  /** Connects everybody, and begins to send. */
  async start(): Promise<void> {
    for (const device of this.devices) {
      device.start();
      await device.greeted();
    }
    this.#sending = Promise.all(Array.from({ length: SENDERS }, (_, index) => this.#send(index)));
  }

  /** The number of the node that a user's device came to last. */
  nodeOf(userId: number): number {
    return this.#at[userId] ?? 0;
  }

  /** Has devices change their node until all nodes have the same share. Resolves when all are connected. */
  async spread(): Promise<void> {
    for (const [index, device] of this.devices.entries()) {
      const home = index % this.options.nodes.length;
      while (this.nodeOf(index + 1) !== home || device.greeting === undefined) {
        if (this.nodeOf(index + 1) !== home) device.cut();
        await device.greeted();
      }
    }
  }

  /** Sends no more; resolves when everything accepted has arrived, or after a minute. */
  async complete(): Promise<void> {
    this.#stopped = true;
    await this.#sending;
    await this.#ledger.complete(COMPLETE_MS);
  }

  /** What was accepted between two moments, on the clock of `performance.now()`. */
  between(from: number, to: number): Stretch {
    const took: number[] = [];
    let calmAfterS = 0;
    for (const [n, at] of this.#acceptedAt.entries()) {
      if (at === undefined || at < from || at >= to) continue;
      const ms = Math.max(0, (this.#arrivedAt[n] ?? Number.POSITIVE_INFINITY) - at);
      took.push(ms);
      if (ms > SLOW_MS) calmAfterS = Math.max(calmAfterS, (at - from) / 1000);
    }
    took.sort((a, b) => a - b);
    const [p50, worst] = [took[Math.floor(took.length / 2)], took.at(-1)];
    return { accepted: took.length, p50: p50 ?? 0, worst: worst ?? 0, calmAfterS };
  }

  addTo(report: Report): void {
    const ledger = this.#ledger;
    const { record } = this;
    report.add("answered 2xx", ledger.accepted, "", { atLeast: 1 });
    report.add("turned away (503), and sent again under their key", this.#turnedAway);
    report.add("unanswered, and sent again under their key", this.#unanswered);
    report.add("refused", ledger.count("refused"), "", { equals: 0 });
    report.none("2xx lost", ledger.lost());
    report.none("order violations at the handler", ledger.disorder);
    report.none("order violations on the wire", record.outOfOrder);
    report.none("duplicates at the handler", ledger.handledTwice());
    report.none("delivered under another seq or id than answered", ledger.misnamed());
    report.none("duplicates on a live connection", record.repeatedLive);
    report.add("duplicates after a reconnect", record.repeated);
    report.none("of these not marked `redelivered`", record.unmarked);
    report.none("cursors past what was handled", record.cursorAhead);
    report.add("resets", record.resets.length, "", { equals: 0 });
    report.none("unexpected frames", record.unexpected);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.devices.map((device) => device.stop()));
    await this.#sending;
  }

  /** It comes to one node after the other, at each attempt to the next. */
  #device(token: string, userId: number): LtyClient {
    const { nodes, silenceMs } = this.options;
    const next = () => {
      this.#at[userId] = ((this.#at[userId] ?? userId) + 1) % nodes.length;
      return nodes[this.nodeOf(userId)] as LoadNode;
    };
    return new LtyClient({
      name: `device ${userId}`,
      server: next,
      token,
      record: this.record,
      ...(silenceMs !== undefined && { silenceMs }),
      says: userId % 4 !== 0,
      retryMs: () => 50 + Math.random() * 200,
      handle: (message) => this.#arrived(userId, message),
    });
  }

  #arrived(userId: number, message: Arrival): void {
    this.#arrivedAt[(message.message as { n: number }).n] ??= performance.now();
    this.#ledger.arrived(userId, message);
  }

  async #send(sender: number): Promise<void> {
    const { nodes, tokens, perSecond } = this.options;
    const connections = nodes.map((node) => ({ connection: this.#connection(node), badUntil: 0 }));
    for (let turn = sender; !this.#stopped; turn++) {
      await this.#sendOne(connections, turn, 1 + Math.floor(Math.random() * tokens.length));
      await Bun.sleep((2 * Math.random() * SENDERS * 1000) / perSecond);
    }
    for (const { connection } of connections) connection.close();
  }

  #connection({ host, port }: LoadNode): HttpConnection {
    return new HttpConnection(() => port, this.options.admin, host);
  }

  async #sendOne(ways: Way[], turn: number, userId: number): Promise<void> {
    const n = this.#ledger.issue(userId);
    const body = `{"type":"notice","user_id":${userId},"message":{"n":${n}}}`;
    for (let attempt = turn; ; attempt++) {
      const now = performance.now();
      const good = ways.filter(({ badUntil }) => badUntil < now);
      const way = (good.length > 0 ? good : ways)[attempt % (good.length || ways.length)] as Way;
      const answer = await this.#post(way.connection, body, `send-${n}`);
      if (answer === null) {
        way.connection = this.#connection(this.options.nodes[ways.indexOf(way)] as LoadNode);
        way.badUntil = performance.now() + AVOID_MS;
      }
      if (answer !== null && answer.status !== UNAVAILABLE) {
        if (answer.status === 200) this.#acceptedAt[n] = performance.now();
        this.#ledger.answered(n, answer);
        return;
      }
      if (answer === null) this.#unanswered += 1;
      else this.#turnedAway += 1;
      await Bun.sleep(RETRY_MS * (0.5 + Math.random()));
    }
  }

  /** Null: nobody knows what became of it. */
  async #post(connection: HttpConnection, body: string, key: string): Promise<Answer | null> {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(resolve, ANSWER_MS, null);
    const post = connection.post("/api/messages/", body, { "Idempotency-Key": key }).catch(() => null);
    const answer = await Promise.race([post, late]);
    clearTimeout(timer);
    if (answer === null) connection.abandon();
    return answer;
  }
}
