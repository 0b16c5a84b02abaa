import { Mailbox } from "@qy-lty/testkit";
import type {
  Connection,
  ConnectionHandler,
  Handshake,
  Listening,
  ListenOptions,
  Transport,
  Upgrade,
} from "./transport.ts";

/** The other end of a connection, as the suite drives it. It answers nothing by itself. */
export interface Peer {
  /** The subprotocol of the server's answer, or null. */
  readonly subprotocol: string | null;
  /** Frames that have come so far, the close not counted. */
  readonly received: number;
  /** The next frame but the close. */
  next(): Promise<{ readonly kind: string; readonly payload: string }>;
  /** The code and reason it was told, 1006 for none. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** Sends frames together, so that the server can read them in one go. */
  send(...frames: PeerFrame[]): void;
  vanish(): void;
  stopReading(): void;
  startReading(): void;
}

export type PeerFrame =
  | { readonly text: string | Uint8Array }
  | { readonly binary: Uint8Array }
  | { readonly ping: string }
  | { readonly pong: string }
  | { readonly close: number; readonly reason: string };

export interface DialRequest {
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TransportUnderTest {
  readonly name: string;
  make(): Transport;
  /** @throws Error with the status when the upgrade was refused */
  dial(transport: Transport, listening: Listening, request: DialRequest): Promise<Peer>;
  fetch(transport: Transport, listening: Listening, path: string): Promise<Response>;
}

export const MAX_FRAME_BYTES = 1_000;
export const MAX_BUFFERED_BYTES = 256 * 1024;

/** Writes down what happens to every connection, in order; a test may act in the middle of each event. */
export class Recorder {
  readonly events = new Mailbox<string>();
  /** The connection that was opened last. */
  latest: Connection | undefined;
  on: (event: string, connection: Connection) => void = () => {};

  handler(): ConnectionHandler {
    let connection: Connection;
    const note = (event: string) => {
      this.events.push(event);
      this.on(event, connection);
    };
    return {
      opened: (opened) => {
        this.latest = connection = opened;
        note("opened");
      },
      text: (frame) => note(`text ${frame}`),
      binary: (bytes) => note(`binary ${bytes}`),
      ponged: (payload) => note(`ponged ${payload}`),
      drained: () => note("drained"),
      closed: (code) => note(`closed ${code}`),
    };
  }

  /** The next event but an opening. */
  next(): Promise<string> {
    return this.events.nextWhere((event) => event !== "opened");
  }

  /** Waits for that event, passing over others. */
  async until(event: string): Promise<void> {
    await this.events.nextWhere((next) => next === event);
  }

  /** Waits for the end of a connection. */
  async untilClosed(): Promise<void> {
    await this.events.nextWhere((event) => event.startsWith("closed"));
  }
}

/** A transport that listens, and what a test does with it. */
export class Scene {
  recorder = new Recorder();
  /** What the transport reported as failed. */
  failures: unknown[] = [];
  /** Decides on upgrades. */
  decide: (handshake: Handshake) => Upgrade | Response = () => this.accept();
  listening: Listening;
  readonly #transport: Transport;

  constructor(private readonly tested: TransportUnderTest) {
    this.#transport = tested.make();
    this.listening = this.listen();
  }

  /** The connection that was opened last, as the handler has it. */
  get connection(): Connection {
    if (this.recorder.latest === undefined) throw new Error("nothing was opened");
    return this.recorder.latest;
  }

  listen(overrides: Partial<ListenOptions> = {}): Listening {
    return this.#transport.listen({
      host: "127.0.0.1",
      port: 0,
      maxFrameBytes: MAX_FRAME_BYTES,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      upgrade: (handshake) => this.decide(handshake),
      fetch: (request, peer) => new Response(`${new URL(request.url).pathname} for ${peer()}`),
      failed: (error) => this.failures.push(error),
      ...overrides,
    });
  }

  accept(subprotocol: string | null = null): Upgrade {
    return { handler: this.recorder.handler(), subprotocol };
  }

  connect(request: DialRequest = {}): Promise<Peer> {
    return this.tested.dial(this.#transport, this.listening, { target: "/", ...request });
  }

  fetch(path: string): Promise<Response> {
    return this.tested.fetch(this.#transport, this.listening, path);
  }
}

export const textFrame = (payload: string) => ({ kind: "text", payload });
