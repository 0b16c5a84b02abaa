import type { Connection, ConnectionHandler, ListenOptions } from "./transport.ts";

/** What reaches the peer. */
export type MemoryFrame =
  | { readonly kind: "text"; readonly payload: string }
  | { readonly kind: "ping" | "pong"; readonly payload: string };

export interface MemoryPeerEvents {
  /** Frames that left in one write. */
  write(frames: readonly MemoryFrame[]): void;
  /** The connection ended: with the code of a closing handshake, or 1006. */
  closed(code: number, reason: string): void;
}

/** The peer's end. */
export interface MemoryPeer {
  sendText(text: string): void;
  /** A text frame of bytes that need not be UTF-8. */
  sendTextBytes(bytes: Uint8Array): void;
  sendBinary(bytes: Uint8Array): void;
  ping(payload?: string): void;
  pong(payload?: string): void;
  close(code?: number, reason?: string): void;
  /** Ends the connection without a closing handshake. */
  vanish(): void;
  /** From now on everything sent to this peer waits. */
  stopReading(): void;
  startReading(): void;
}

type Arrival =
  | { readonly kind: "text" | "binary"; readonly bytes: Uint8Array }
  | { readonly kind: "pong"; readonly payload: string }
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

const TOO_BIG = { code: 1009, reason: "Received too big message" };
const NOT_UTF8 = { code: 1007, reason: "Received invalid UTF-8" };

/** Both ends of one connection in memory. */
export class MemoryConnection implements Connection {
  #isOpen = true;
  #paused = false;
  #reading = true;
  /** Events and corks that are under way: what is sent leaves when the outermost ends. */
  #depth = 0;
  #waitingBytes = 0;
  /** What a peer that does not read has yet to learn: the last frames, and how it ended. */
  #farewell: (() => void) | undefined;
  readonly #arrived: Arrival[] = [];
  readonly #leaving: MemoryFrame[] = [];

  constructor(
    private readonly handler: ConnectionHandler,
    private readonly options: ListenOptions,
    private readonly events: MemoryPeerEvents,
    private readonly ended: () => void,
  ) {}

  readonly peer: MemoryPeer = {
    sendText: (text) => this.#arrive({ kind: "text", bytes: new TextEncoder().encode(text) }),
    sendTextBytes: (bytes) => this.#arrive({ kind: "text", bytes }),
    sendBinary: (bytes) => this.#arrive({ kind: "binary", bytes }),
    ping: (payload = "") => this.#leave({ kind: "pong", payload }),
    pong: (payload = "") => this.#arrive({ kind: "pong", payload }),
    close: (code = 1005, reason = "") => this.#arrive({ kind: "close", code, reason }),
    vanish: () => this.#end(1006, ""),
    stopReading: () => {
      this.#reading = false;
    },
    startReading: () => {
      if (this.#reading) return;
      this.#reading = true;
      if (!this.#isOpen) return this.#farewell?.();
      const waited = this.#waitingBytes > 0;
      this.#waitingBytes = 0;
      this.#flush();
      if (waited) queueMicrotask(() => this.#isOpen && this.#event(() => this.handler.drained()));
    },
  };

  start(): void {
    this.#event(() => this.handler.opened(this));
  }

  send(text: string): number {
    if (!this.#isOpen) return -1;
    if (!this.#reading) {
      const waitingBytes = this.#waitingBytes + Buffer.byteLength(text);
      if (waitingBytes > this.options.maxBufferedBytes) {
        queueMicrotask(() => this.#end(1006, ""));
        return -1;
      }
      this.#waitingBytes = waitingBytes;
    }
    this.#leave({ kind: "text", payload: text });
    return this.#waitingBytes;
  }

  ping(payload = ""): void {
    if (this.#isOpen) this.#leave({ kind: "ping", payload });
  }

  cork(work: () => void): void {
    this.#depth += 1;
    try {
      work();
    } finally {
      this.#depth -= 1;
      this.#flush();
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    queueMicrotask(() => this.#deliver());
  }

  close(code: number, reason: string): void {
    this.#end(code, reason);
  }

  terminate(): void {
    this.#end(1006, "");
  }

  #arrive(arrival: Arrival): void {
    this.#arrived.push(arrival);
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    while (this.#isOpen && !this.#paused) {
      const arrival = this.#arrived.shift();
      if (arrival === undefined) return;
      this.#event(() => this.#handle(arrival));
    }
  }

  #handle(arrival: Arrival): void {
    if (arrival.kind === "pong") this.handler.ponged(arrival.payload);
    else if (arrival.kind === "close") this.#end(arrival.code, arrival.reason);
    else if (arrival.bytes.byteLength > this.options.maxFrameBytes) this.#violate(TOO_BIG);
    else if (arrival.kind === "binary") this.handler.binary(arrival.bytes.byteLength);
    else {
      const text = decode(arrival.bytes);
      if (text === undefined) this.#violate(NOT_UTF8);
      else this.handler.text(text);
    }
  }

  #event(work: () => void): void {
    this.cork(() => {
      try {
        work();
      } catch (error) {
        this.options.failed(error);
      }
    });
  }

  #leave(frame: MemoryFrame): void {
    this.#leaving.push(frame);
    this.#flush();
  }

  #flush(): void {
    if (this.#depth > 0 || !this.#reading || this.#leaving.length === 0) return;
    const frames = this.#leaving.splice(0);
    queueMicrotask(() => this.events.write(frames));
  }

  /** The peer broke the protocol: it is told how, and the handler that there was no closing handshake. */
  #violate({ code, reason }: { code: number; reason: string }): void {
    this.#end(1006, reason, code);
  }

  #end(code: number, reason: string, toldCode = code): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const last = toldCode === 1006 ? [] : this.#leaving.splice(0);
    this.#farewell = () => {
      if (last.length > 0) this.events.write(last);
      this.events.closed(toldCode, reason);
    };
    if (this.#reading || toldCode === 1006) queueMicrotask(this.#farewell);
    this.ended();
    this.#event(() => this.handler.closed(code, reason));
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
