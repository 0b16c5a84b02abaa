import { connect, type Socket } from "node:net";
import { Mailbox } from "./mailbox.ts";
import { decodeFrame, encodeClose, encodeFrame, type FrameShape, Opcode, type RawFrame } from "./raw-frames.ts";

/** How a raw connection asks for its upgrade. */
export interface RawRequest {
  /** Path and query. */
  readonly target: string;
  /** Header lines beside those of every handshake. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a connection ended: the close frame's code and reason, or 1006 without one. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

const NO_CLOSE_FRAME: Closed = { code: 1006, reason: "" };

/**
 * A WebSocket client that does nothing by itself: it answers no ping, closes nothing politely, reads only while it is told to,
 * and sends whatever bytes a test wants.
 *
 * @example
 * const socket = await RawSocket.open(gateway.url, { target: `/ws/device/?token=${token}` });
 * socket.write(encodeFrame(Opcode.text, "{}", { masked: false }));
 * expect((await socket.closed).code).toBe(1006);
 */
export class RawSocket implements Disposable {
  /** Every frame the server sent, close frames too. */
  readonly frames = new Mailbox<RawFrame>();
  /** Resolves when the server sent a close frame, or the TCP connection ended without one. */
  readonly closed: Promise<Closed>;
  /** Resolves when the TCP connection has ended. */
  readonly ended: Promise<void>;
  /** Header lines of the server's answer, names in lower case. */
  headers: Readonly<Record<string, string>> = {};
  readonly #socket: Socket;
  #bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #upgraded = false;
  readonly #answer = Promise.withResolvers<void>();
  readonly #closing = Promise.withResolvers<Closed>();

  private constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.closed = this.#closing.promise;
    const ended = Promise.withResolvers<void>();
    this.ended = ended.promise;
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("close", () => {
      this.#answer.reject(new Error("the connection ended before the handshake was answered"));
      this.#closing.resolve(NO_CLOSE_FRAME);
      this.frames.end(new Error("the connection ended"));
      ended.resolve();
    });
  }

  /** Connects. @throws Error with the status line when the upgrade was not accepted */
  static async open(url: string, { target, headers = {} }: RawRequest): Promise<RawSocket> {
    const socket = new RawSocket(url);
    const lines = Object.entries({
      Host: new URL(url).host,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    });
    socket.write(`GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    await socket.#answer.promise;
    return socket;
  }

  /** Sends bytes as they are. */
  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends one frame. */
  send(opcode: number, payload: string | Uint8Array = "", shape?: FrameShape): void {
    this.write(encodeFrame(opcode, payload, shape));
  }

  /** Sends a close frame. */
  close(code?: number, reason?: string): void {
    this.send(Opcode.close, code === undefined ? "" : encodeClose(code, reason));
  }

  /** The next text frame. */
  async nextText(): Promise<string> {
    const { payload } = await this.frames.nextWhere(({ opcode }) => opcode === Opcode.text);
    return payload.toString();
  }

  /** Leaves everything the server sends from now on in its buffers. */
  stopReading(): void {
    this.#socket.pause();
  }

  startReading(): void {
    this.#socket.resume();
  }

  /** Breaks the TCP connection. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (!this.#upgraded && !this.#readAnswer()) return;
    for (let next = decodeFrame(this.#bytes); next; next = decodeFrame(this.#bytes)) {
      this.#bytes = next.rest;
      this.frames.push(next.frame);
      if (next.frame.opcode === Opcode.close) this.#closing.resolve(readClose(next.frame.payload));
    }
  }

  #readAnswer(): boolean {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const [status = "", ...lines] = this.#bytes.subarray(0, end).toString().split("\r\n");
    this.headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    this.#bytes = this.#bytes.subarray(end + 4);
    this.#upgraded = status.startsWith("HTTP/1.1 101 ");
    if (this.#upgraded) this.#answer.resolve();
    else {
      this.#answer.reject(new Error(`the upgrade was refused with ${status.slice("HTTP/1.1 ".length)}`));
      this.#socket.destroy();
    }
    return this.#upgraded;
  }
}

function readClose(payload: Buffer): Closed {
  return payload.byteLength < 2
    ? { code: 1005, reason: "" }
    : { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
}
