import { SUBPROTOCOL } from "@qy-lty/protocol";
import { LightSocket } from "./light-socket.ts";

/** A message as it came. */
export interface Arrival {
  readonly seq: number;
  readonly message_id: string;
  readonly message: unknown;
  readonly redelivered?: true;
}

/** What was seen on the wire by all clients of a run. Lists hold what must not happen. */
export class WireRecord {
  /** The same `seq` twice on one connection. */
  readonly repeatedLive: string[] = [];
  /** Seen on an earlier connection, and not marked. */
  readonly unmarked: string[] = [];
  /** Neither the next `seq` nor behind a `skip`. */
  readonly outOfOrder: string[] = [];
  /** The server's cursor had passed what the client had handled. */
  readonly cursorAhead: string[] = [];
  /** What is not foreseen in this protocol. */
  readonly unexpected: string[] = [];
  readonly resets: { readonly client: string; readonly epoch: string }[] = [];
  readonly closes = new Map<number | null, number>();
  connections = 0;
  resumed = 0;
  /** Messages that came again after a reconnect. */
  repeated = 0;
  /** The most of them on one connection. */
  mostRepeated = 0;
}

interface Address {
  readonly host?: string;
  readonly port: number;
}

export interface LtyClientOptions {
  readonly name: string;
  /** Where it connects; a function is asked at each attempt. */
  readonly server: Address | (() => Address);
  readonly host?: string;
  readonly token: string;
  readonly record: WireRecord;
  /** Whether it says at each connect where it stands; else the server's cursor alone knows. */
  readonly says: boolean;
  /** It lets go of a connection on which nothing came for so long, milliseconds, pings included; never unless given. */
  readonly silenceMs?: number;
  /** How long it waits before it connects again, milliseconds; `attempt` counts from 0 since it was last let in. */
  retryMs(attempt: number): number;
  /** A connection was let in. */
  greeted?(): void;
  /** Called once for each message. */
  handle(message: Arrival): void;
  /** How long after its handling a message is acknowledged, milliseconds; at once unless given. */
  ackAfterMs?(): number;
}

interface Greeting {
  readonly epoch: string;
  readonly acked: number;
  readonly top: number;
  readonly resumed: boolean;
}

type Frame = Partial<Arrival & Greeting> & { readonly type: string };

/**
 * A device that speaks `lty.v1` as the client libraries do: comes back by itself, says where it stands, dedupes by
 * `message_id` and acknowledges what it handled. It holds every frame against what the protocol promises.
 */
export class LtyClient {
  epoch: string | null = null;
  /** What it handled last. */
  seq = 0;
  last: string | null = null;
  greeting: Greeting | undefined;
  /** Reads, and handles nothing any more. */
  deaf = false;
  #socket: LightSocket | undefined;
  #stopped = false;
  #onWire = 0;
  #repeatedHere = 0;
  #ackDue = false;
  readonly #seen = new Set<string>();
  #whenGreeted: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** Attempts to connect since it was last let in. */
  #attempts = 0;

  constructor(private readonly options: LtyClientOptions) {}

  /** Connects, and from then on again and again. */
  start(): void {
    this.#stopped = false;
    this.#running ??= this.#run();
  }

  /** Ends for now without a word. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.cut();
    await this.#running;
    this.#running = undefined;
  }

  /** Resolves when the next greeting has come, at once if there is a connection. */
  greeted(): Promise<void> {
    if (this.greeting !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenGreeted = resolve;
    });
  }

  /** The connection breaks. */
  cut(): void {
    // At once: whoever waits for a greeting from here on waits for that of the next connection.
    if (this.#socket !== undefined) this.greeting = undefined;
    this.#socket?.cut();
  }

  stopReading(): void {
    this.#socket?.stopReading();
  }

  startReading(): void {
    this.#socket?.startReading();
  }

  /** The light socket, for what this client would not do by itself. */
  get socket(): LightSocket | undefined {
    return this.#socket;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const closed = Promise.withResolvers<number | null>();
      let watch: Timer | undefined;
      try {
        const { server, token, silenceMs } = this.options;
        const address = typeof server === "function" ? server() : server;
        const host = address.host ?? this.options.host;
        await LightSocket.open(
          {
            port: address.port,
            ...(host !== undefined && { host }),
            ...(silenceMs !== undefined && { connectMs: silenceMs }),
            path: `/ws/device/${this.#query()}`,
            headers: { Authorization: `Bearer ${token}`, "Sec-WebSocket-Protocol": SUBPROTOCOL },
          },
          {
            opened: (socket) => {
              this.#socket = socket;
            },
            text: (text) => this.#take(text),
            closed: (code) => closed.resolve(code),
          },
        );
        if (this.#stopped) this.cut();
        if (silenceMs !== undefined) watch = setInterval(() => this.#listen(silenceMs), silenceMs / 8);
        const code = await closed.promise;
        const { closes } = this.options.record;
        closes.set(code, (closes.get(code) ?? 0) + 1);
      } catch {
        // Refused, or cut in the handshake: it tries again.
      }
      clearInterval(watch);
      this.#socket = undefined;
      this.greeting = undefined;
      if (!this.#stopped) await Bun.sleep(this.options.retryMs(this.#attempts++));
    }
  }

  #listen(silenceMs: number): void {
    if (performance.now() - (this.#socket?.heardAt ?? Number.POSITIVE_INFINITY) > silenceMs) this.cut();
  }

  #query(): string {
    if (!this.options.says || this.epoch === null) return "";
    const last = this.last === null ? "" : `&last=${this.last}`;
    return `?epoch=${this.epoch}&seq=${this.seq}${last}`;
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as Frame;
    if (this.greeting === undefined) this.#greet(frame);
    else if (frame.type === "skip") this.#onWire = Math.max(this.#onWire, frame.seq ?? 0);
    else if (frame.type === "reset") this.#reset(frame.epoch ?? "", this.greeting);
    else if (frame.type === "bye") return;
    else if (frame.seq !== undefined && frame.message_id !== undefined) this.#arrive(frame as Arrival);
    else this.options.record.unexpected.push(`${this.options.name}: ${text.slice(0, 200)}`);
  }

  #greet(frame: Frame): void {
    const { name, record } = this.options;
    if (frame.type !== "connection_status" || frame.epoch === undefined || frame.acked === undefined) {
      record.unexpected.push(`${name}: ${JSON.stringify(frame).slice(0, 200)}`);
      return;
    }
    this.greeting = frame as Greeting;
    record.connections += 1;
    if (frame.resumed) record.resumed += 1;
    if (frame.epoch === this.epoch && frame.acked > this.seq) {
      record.cursorAhead.push(`${name}: handled ${this.seq}, cursor ${frame.acked}`);
    }
    this.epoch ??= frame.epoch;
    this.#onWire = frame.acked;
    this.#repeatedHere = 0;
    this.#attempts = 0;
    this.options.greeted?.();
    this.#whenGreeted?.();
    this.#whenGreeted = undefined;
  }

  #reset(epoch: string, { acked }: Greeting): void {
    this.options.record.resets.push({ client: this.options.name, epoch });
    this.epoch = epoch;
    this.seq = acked;
    this.last = null;
  }

  #arrive(message: Arrival): void {
    const { name, record } = this.options;
    const { seq, message_id, redelivered } = message;
    if (seq <= this.#onWire) {
      record.repeatedLive.push(`${name}: ${seq} after ${this.#onWire}`);
      return;
    }
    if (seq !== this.#onWire + 1) record.outOfOrder.push(`${name}: ${seq} after ${this.#onWire}`);
    this.#onWire = seq;
    if (this.deaf) return;
    if (this.#seen.has(message_id)) {
      record.repeated += 1;
      this.#repeatedHere += 1;
      record.mostRepeated = Math.max(record.mostRepeated, this.#repeatedHere);
      if (redelivered !== true) record.unmarked.push(`${name}: ${seq}`);
    } else {
      this.#seen.add(message_id);
      this.options.handle(message);
    }
    if (seq > this.seq) {
      this.seq = seq;
      this.last = message_id;
    }
    this.#acknowledgeSoon();
  }

  /** What came in one read is acknowledged in one frame. */
  #acknowledgeSoon(): void {
    if (this.#ackDue) return;
    this.#ackDue = true;
    const acknowledge = () => {
      this.#ackDue = false;
      // Never what this connection has not brought: a later one may have begun further back.
      if (this.greeting !== undefined) this.#socket?.send(`{"type":"ack","seq":${Math.min(this.seq, this.#onWire)}}`);
    };
    const delay = this.options.ackAfterMs?.() ?? 0;
    if (delay === 0) queueMicrotask(acknowledge);
    else setTimeout(acknowledge, delay);
  }
}
