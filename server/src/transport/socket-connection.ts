import type { ServerWebSocket } from "bun";
import type { Connection, ConnectionHandler } from "./transport.ts";

/** A Bun socket as the port wants it. Every callback is guarded: what escapes one would end the process. */
export class SocketConnection implements Connection {
  #socket: ServerWebSocket<SocketConnection> | undefined;
  #paused = false;
  /** From a pause until everything is delivered that came nevertheless: Bun hands on all that it has read. */
  #held: (() => void)[] | undefined;

  constructor(
    private readonly handler: ConnectionHandler,
    private readonly failed: (error: unknown) => void,
  ) {}

  send(text: string): number {
    const socket = this.#socket;
    if (socket === undefined) return -1;
    const outcome = socket.sendText(text);
    if (outcome > 0) return 0;
    // -1: taken, but the peer is slow. 0: dropped, and the connection with it.
    return outcome === -1 ? socket.getBufferedAmount() : -1;
  }

  ping(payload?: string): void {
    this.#socket?.ping(payload);
  }

  cork(work: () => void): void {
    this.#socket?.cork(work);
  }

  pause(): void {
    if (this.#socket === undefined) return;
    this.#paused = true;
    this.#held ??= [];
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Not at once: whoever resumes may be in the middle of an event of this connection.
    queueMicrotask(() => this.#release());
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  terminate(): void {
    this.#socket?.terminate();
  }

  opened(socket: ServerWebSocket<SocketConnection>): void {
    this.#socket = socket;
    try {
      this.handler.opened(this);
    } catch (error) {
      this.failed(error);
    }
  }

  received(data: string | Buffer): void {
    if (this.#held === undefined) this.#receive(data);
    else this.#held.push(() => this.#receive(data));
  }

  ponged(payload: Buffer): void {
    const text = payload.toString();
    if (this.#held === undefined) this.#pong(text);
    else this.#held.push(() => this.#pong(text));
  }

  drained(): void {
    try {
      this.handler.drained();
    } catch (error) {
      this.failed(error);
    }
  }

  closed(code: number, reason: string): void {
    this.#socket = undefined;
    this.#held = undefined;
    try {
      this.handler.closed(code, reason);
    } catch (error) {
      this.failed(error);
    }
  }

  #receive(data: string | Buffer): void {
    try {
      if (typeof data === "string") this.handler.text(data);
      else this.handler.binary(data.byteLength);
    } catch (error) {
      this.failed(error);
    }
  }

  #pong(payload: string): void {
    try {
      this.handler.ponged(payload);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Delivers what was held, until there is a pause again, and then reads on. */
  #release(): void {
    this.#socket?.cork(() => {
      while (!this.#paused && this.#held !== undefined) {
        const deliver = this.#held.shift();
        if (deliver === undefined) this.#held = undefined;
        else deliver();
      }
    });
    if (!this.#paused) this.#socket?.resume();
  }
}
