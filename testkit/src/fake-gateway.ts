import type { Server, ServerWebSocket } from "bun";
import { Mailbox } from "./mailbox.ts";
import type { Closed } from "./raw-socket.ts";
import type { Frame } from "./test-socket.ts";

/** What a client said of itself, in the handshake or in its `auth` frame; numbers as text. */
export type Introduction = Readonly<Record<string, string>>;

/** A frame of a client, parsed. */
export interface ClientSays {
  readonly type: string;
  readonly id?: string;
  readonly seq?: number;
  readonly working?: boolean;
  readonly message?: unknown;
}

/** A message of the log, as a script pushes it. */
export interface ScriptedPush {
  readonly seq: number;
  readonly type?: string;
  readonly message?: unknown;
  /** `m<seq>` unless given. */
  readonly message_id?: string;
  readonly redelivered?: true;
}

const TIMESTAMP = "2026-01-01T00:00:00.000Z";

/** The epoch of a greeting that names none. */
export const FAKE_EPOCH = "epoch-1";

/**
 * A gateway that does what a script says and nothing else, on a real socket: for tests of clients. It takes whoever comes;
 * the script greets, pushes, refuses, cuts.
 *
 * @example
 * await using gateway = FakeGateway.start();
 * const connection = await gateway.accept();
 * connection.greet({ top: 1 });
 * connection.push({ seq: 1, message: "hello" });
 * expect(await connection.nextOfType("ack")).toEqual({ type: "ack", seq: 1 });
 */
export class FakeGateway implements AsyncDisposable {
  /** Handshakes so far, refused ones too. */
  handshakes = 0;
  /** Answers handshakes with this status, for as long as it is set. */
  refusal: number | undefined;
  /** `http://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  readonly #port: number;
  #arrivals = new Mailbox<FakeConnection>();
  #server: Server<FakeConnection> | undefined;

  private constructor() {
    this.#server = this.#serve(0);
    this.#port = this.#server.port ?? 0;
    this.url = `http://127.0.0.1:${this.#port}`;
  }

  static start(): FakeGateway {
    return new FakeGateway();
  }

  /** `ws://127.0.0.1:<port>` */
  get wsUrl(): string {
    return this.url.replace("http", "ws");
  }

  /** The next connection, as soon as it has introduced itself. */
  accept(): Promise<FakeConnection> {
    return this.#arrivals.next();
  }

  /** The next connection, greeted. */
  async greet(greeting: object = {}): Promise<FakeConnection> {
    const connection = await this.accept();
    connection.greet(greeting);
    return connection;
  }

  /** Connections that nobody took yet. */
  get waiting(): number {
    return this.#arrivals.waiting.length;
  }

  /** Goes away without a word: connections break, and new ones are refused by the system. */
  async stop(): Promise<void> {
    await this.#server?.stop(true);
    this.#server = undefined;
  }

  /** Comes back on the same port. */
  restart(): void {
    this.#server ??= this.#serve(this.#port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #serve(port: number): Server<FakeConnection> {
    return Bun.serve<FakeConnection>({
      hostname: "127.0.0.1",
      port,
      fetch: (request, server) => {
        this.handshakes += 1;
        if (this.refusal !== undefined) return new Response("", { status: this.refusal });
        const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(/\s*,\s*/);
        const headers = offered.includes("lty.v1") ? { "sec-websocket-protocol": "lty.v1" } : {};
        const data = new FakeConnection(request, (connection) => this.#arrivals.push(connection));
        return server.upgrade(request, { data, headers }) ? undefined : new Response("", { status: 426 });
      },
      websocket: {
        idleTimeout: 0,
        open: (socket) => socket.data.opened(socket),
        message: (socket, text) => socket.data.received(String(text)),
        close: (socket, code, reason) => socket.data.ended({ code, reason }),
      },
    });
  }
}

/** One connection of a client, at the gateway's end. */
export class FakeConnection {
  /** Everything the client said, its `auth` frame too. */
  readonly frames: Mailbox<ClientSays> = new Mailbox();
  /** How the client, or the network, ended it. */
  readonly closed: Promise<Closed>;
  /** Path of the handshake. */
  readonly path: string;
  /** Answers `ping` frames by itself. */
  pongs = true;
  readonly #closing = Promise.withResolvers<Closed>();
  readonly #query: Record<string, string>;
  #socket: ServerWebSocket<FakeConnection> | undefined;
  #introduced = false;

  constructor(
    request: Request,
    private readonly arrived: (connection: FakeConnection) => void,
  ) {
    const url = new URL(request.url);
    this.path = url.pathname;
    this.closed = this.#closing.promise;
    this.#query = Object.fromEntries(url.searchParams);
    const [, token] = /^(?:Bearer|Token) (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token !== undefined) this.#query.token = token;
  }

  /** Who the client says it is, and where it stands: `token`, `role`, `client_id`, `epoch`, `seq`, `last`, …. */
  get introduction(): Introduction {
    return this.#query;
  }

  /** Lets the client in: the `connection_status` of `lty.v1`, as a device that has nothing to catch up with unless said. */
  greet(more: object = {}): void {
    this.say({
      ...{ type: "connection_status", status: "connected", user_id: "7", device_id: 3, session_id: "session-1" },
      ...{ protocol: "lty.v1", consumer: "device:3", epoch: FAKE_EPOCH, acked: 0, top: 0, resumed: false },
      ...{ heartbeat_ms: 30_000, ack_window: 64 },
      ...more,
    });
  }

  /** Sends a message of the log. */
  push({ seq, type = "note", message = seq, message_id = `m${seq}`, ...more }: ScriptedPush): void {
    this.say({ type, message, message_id, seq, ...more });
  }

  /** Sends a frame; it gets a timestamp. */
  say(frame: { readonly type: string } & Readonly<Record<string, unknown>>): void {
    this.#socket?.send(JSON.stringify({ ...frame, timestamp: TIMESTAMP } satisfies Frame));
  }

  /** Sends text as it is. */
  sayText(text: string): void {
    this.#socket?.send(text);
  }

  /** Closes as the server does. */
  close(code: number, reason = ""): void {
    this.#socket?.close(code, reason);
  }

  /** The network breaks: no close frame. */
  cut(): void {
    this.#socket?.terminate();
  }

  /** The client's next frame of that type; those before it are passed over. Rejects when the connection ends first. */
  nextOfType(type: string): Promise<ClientSays> {
    return this.frames.nextWhere((frame) => frame.type === type);
  }

  /** Resolves at the acknowledgement of everything up to `seq`; those before it are passed over. */
  acknowledgement(seq: number): Promise<ClientSays> {
    return this.frames.nextWhere((frame) => frame.type === "ack" && frame.seq === seq && frame.working !== true);
  }

  /** Every acknowledgement so far, without those that only say `working`. */
  get acknowledged(): readonly number[] {
    return this.frames.all
      .filter(({ type, working }) => type === "ack" && working !== true)
      .map(({ seq }) => seq ?? -1);
  }

  opened(socket: ServerWebSocket<FakeConnection>): void {
    this.#socket = socket;
    if (this.#query.token !== undefined || this.#query.ticket !== undefined) this.#introduce();
  }

  received(text: string): void {
    const frame = JSON.parse(text) as ClientSays;
    this.frames.push(frame);
    if (frame.type === "ping" && this.pongs)
      this.say({ type: "pong", ...(frame.id !== undefined && { id: frame.id }) });
    if (frame.type !== "auth" || this.#introduced) return;
    for (const [name, value] of Object.entries(frame.message ?? {})) this.#query[name] = String(value);
    this.#introduce();
  }

  ended(how: Closed): void {
    this.#closing.resolve(how);
    this.frames.end(new Error(`the connection ended: ${how.code} ${how.reason}`));
  }

  #introduce(): void {
    this.#introduced = true;
    this.arrived(this);
  }
}
