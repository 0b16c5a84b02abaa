import type { Connection, ConnectionHandler } from "@qy-lty/server/transport/transport.ts";

/** What the server says, on its way to a client. */
export type Downward =
  | { readonly kind: "frame"; readonly frame: Frame; readonly bytes: number }
  | { readonly kind: "ping"; readonly payload: string }
  | { readonly kind: "close"; readonly code: number };

/** What a client says, on its way to the server. */
export type Upward =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "pong"; readonly payload: string };

/** A frame of the server, as far as the model reads it. */
export interface Frame {
  readonly type: string;
  readonly seq?: number;
  readonly message_id?: string;
  readonly message?: { readonly isLive?: boolean; readonly isTheirs?: boolean };
  readonly redelivered?: boolean;
  readonly reason?: string;
  readonly epoch?: string;
  readonly acked?: number;
  readonly top?: number;
  readonly resumed?: boolean;
}

/** One socket over a network that delivers when it is told to, and breaks where it is told to. */
export class Link implements Connection {
  readonly down: Downward[] = [];
  readonly up: Upward[] = [];
  /** The server's end. */
  isServed = true;
  /** The client's end. */
  isHeld = true;
  #handler: ConnectionHandler | undefined;
  #paused = false;
  #waitingBytes = 0;

  constructor(
    /** Sees every frame as the server sends it. */
    private readonly sent: (frame: Frame) => void,
    /** Sees every ping. */
    private readonly pinged: (payload: string) => void,
    /** The server's end is over. */
    private readonly ended: (code: number) => void,
  ) {}

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    handler.opened(this);
  }

  send(text: string): number {
    if (!this.isServed) return -1;
    const frame = JSON.parse(text) as Frame;
    this.#waitingBytes += text.length;
    this.down.push({ kind: "frame", frame, bytes: text.length });
    this.sent(frame);
    return this.#waitingBytes;
  }

  ping(payload = ""): void {
    if (!this.isServed) return;
    this.down.push({ kind: "ping", payload });
    this.pinged(payload);
  }

  cork(work: () => void): void {
    work();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  close(code: number): void {
    if (this.isServed) this.down.push({ kind: "close", code });
    this.#end(code);
  }

  terminate(): void {
    this.#end(1006);
  }

  /** The client reads one thing. */
  take(): Downward | undefined {
    if (!this.isHeld) return undefined;
    const next = this.down.shift();
    if (next?.kind === "close") this.isHeld = false;
    if (next?.kind !== "frame") return next;
    this.#waitingBytes -= next.bytes;
    if (this.#waitingBytes === 0 && this.isServed) this.#handler?.drained();
    return next;
  }

  /** One thing that the client said reaches the server; answers whether there was any. */
  carryUp(): boolean {
    if (!this.isServed || this.#paused) return false;
    const next = this.up.shift();
    if (next?.kind === "text") this.#handler?.text(next.text);
    if (next?.kind === "pong") this.#handler?.ponged(next.payload);
    return next !== undefined;
  }

  /** The network breaks: for both ends, or for one that knows it before the other. */
  cut(end: "both" | "server" | "client"): void {
    if (end !== "server") this.loseClient();
    if (end !== "client") this.#end(1006);
  }

  /** What was on its way to the client, or from it, never comes. */
  loseClient(): void {
    this.isHeld = false;
    this.up.length = 0;
  }

  /** The process died: nobody is told anything. */
  die(): void {
    this.isServed = false;
    this.#handler = undefined;
  }

  #end(code: number): void {
    if (!this.isServed) return;
    this.isServed = false;
    this.up.length = 0;
    this.#handler?.closed(code, "");
    this.ended(code);
  }
}
