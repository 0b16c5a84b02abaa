/**
 * The bytes below the gateway: upgrades, frames, buffers.
 *
 * Guarantees every implementation gives (`transport.contract.ts` shows them):
 * - events of one connection come one at a time, in order: `opened` first, `closed` exactly once and last (`close` and
 *   `terminate` may bring it before they return);
 * - text arrives as valid UTF-8 (else close 1007) and no frame is over `maxFrameBytes` (else close 1009);
 * - `send` never blocks and never drops in silence: a frame that cannot be taken loses the connection;
 * - frames sent while one event is handled, or inside `cork`, leave in one write;
 * - no frame and no pong reaches the handler while the connection is paused; what had been read by then comes, in order,
 *   after `resume` has returned, or never if the connection ends first;
 * - an exception out of a handler goes to `failed` and never ends the process.
 */
export interface Transport {
  /** Starts listening. @throws Error with the system's code (`EADDRINUSE`, …) when it cannot */
  listen(options: ListenOptions): Listening;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Largest frame taken, bytes. */
  readonly maxFrameBytes: number;
  /** Most bytes that may wait for one slow peer; past it the connection is lost. */
  readonly maxBufferedBytes: number;
  /** Decides on an upgrade, at once: what needs waiting for happens in the handler, paused. */
  upgrade(handshake: Handshake): Upgrade | Response;
  /** Answers every other request. `peer` finds the address of the other end of the TCP connection, which few care for. */
  fetch(request: Request, peer: () => string): Response | Promise<Response>;
  /** Told of an exception that came out of a handler. */
  failed(error: unknown): void;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /**
   * Takes no new connection and ends those at rest. Resolves once every request that came is answered, and every WebSocket
   * closed, which is up to others.
   */
  finish(): Promise<void>;
  /** Closes the listener and every connection that is still open, without ceremony. */
  stop(): Promise<void>;
}

/** A request to become a WebSocket. */
export interface Handshake {
  /** Path without the query. */
  readonly path: string;
  /** Query without `?`, still encoded. */
  readonly query: string;
  /** Address of the other end of the TCP connection. */
  readonly peer: string;
  header(name: string): string | null;
}

/** Go ahead: `handler` owns the connection from now on. */
export interface Upgrade {
  readonly handler: ConnectionHandler;
  /** The subprotocol to answer, or null for none, whatever was offered. */
  readonly subprotocol: string | null;
}

/** One open socket. */
export interface Connection {
  /**
   * Sends a text frame, which is never empty. Answers how many bytes now wait for a slow peer, 0 when all went out, or
   * -1 when the connection is lost and `closed` follows, if it has not come already.
   */
  send(text: string): number;
  /** Sends a ping; the peer's pong comes to `ponged` with the same payload (at most 125 bytes). */
  ping(payload?: string): void;
  /** Runs `work`; what it sends leaves in one write. */
  cork(work: () => void): void;
  /** Stops reading; frames wait in the peer's send buffer. */
  pause(): void;
  resume(): void;
  /** Starts the closing handshake; what was sent before goes out first. */
  close(code: number, reason: string): void;
  /** Ends the connection without a handshake; `closed` follows. */
  terminate(): void;
}

/** What the gateway does with one connection. All of it is synchronous. */
export interface ConnectionHandler {
  opened(connection: Connection): void;
  text(frame: string): void;
  binary(bytes: number): void;
  /** The peer answered a ping, or ponged unasked. */
  ponged(payload: string): void;
  /** What waited for a slow peer has gone out. */
  drained(): void;
  /** 1006 when there was no closing handshake. */
  closed(code: number, reason: string): void;
}
