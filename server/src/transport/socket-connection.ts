import type { ServerWebSocket } from "bun";
import type { Connection, ConnectionHandler } from "./transport.ts";

/** A Bun socket as the port wants it. Every callback is guarded: what escapes one would end the process. */
export class SocketConnection implements Connection {
  #socket: ServerWebSocket<SocketConnection> | undefined;

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
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
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
    try {
      if (typeof data === "string") this.handler.text(data);
      else this.handler.binary(data.byteLength);
    } catch (error) {
      this.failed(error);
    }
  }

  ponged(payload: Buffer): void {
    try {
      this.handler.ponged(payload.toString());
    } catch (error) {
      this.failed(error);
    }
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
    try {
      this.handler.closed(code, reason);
    } catch (error) {
      this.failed(error);
    }
  }
}
