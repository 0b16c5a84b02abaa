import { createConnection, type Socket } from "node:net";
import { decodeFrame, encodeFrame, Opcode, type RawFrame } from "@qy-lty/testkit";
import type { Frame } from "./socket.ts";
import { PATIENCE_MS, Queue, within } from "./wait.ts";

/** What a server says before it speaks frames. */
export interface Answered {
  readonly status: number;
  /** Names in lower case; the lines of a name that comes twice are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Header lines; a value that is a list makes as many lines. */
export type HeaderLines = Readonly<Record<string, string | readonly string[]>>;

/** A TCP connection on which every byte is ours to choose. It answers nothing by itself: no pong, no close. */
export class RawSocket implements Disposable {
  readonly #socket: Socket;
  readonly #answers = new Queue<Answered>();
  readonly #frames = new Queue<RawFrame>();
  readonly #gone = Promise.withResolvers<void>();
  #bytes: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #body = "";

  private constructor(port: number) {
    this.#socket = createConnection({ port, host: "127.0.0.1" });
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk) => this.#read(Buffer.from(chunk)));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      const error = new Error("the server closed the TCP connection");
      this.#answers.end(error);
      this.#frames.end(error);
      this.#gone.resolve();
    });
  }

  /** Asks for an upgrade; `headers` replace or add to those of a sound handshake, an empty list leaves one out. `more` follows in the same write. */
  static async handshake(
    port: number,
    path: string,
    headers: HeaderLines = {},
    more: string | Uint8Array = "",
  ): Promise<{ socket: RawSocket; answer: Answered }> {
    const socket = new RawSocket(port);
    const lines: HeaderLines = {
      Host: `127.0.0.1:${port}`,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    };
    const head = Buffer.from(`GET ${path} HTTP/1.1\r\n${headerLines(lines)}\r\n`);
    socket.write(Buffer.concat([head, Buffer.from(more as string)]));
    return { socket, answer: await socket.#answers.take("an answer to the handshake") };
  }

  /** A socket that was let in. */
  static async open(port: number, token: string): Promise<RawSocket> {
    const { socket } = await RawSocket.handshake(port, `/ws/device/?token=${token}`);
    const greeting = await socket.json();
    if (greeting.type !== "connection_status") throw new Error(`refused: ${JSON.stringify(greeting)}`);
    return socket;
  }

  /** A request that is no upgrade, as bytes; what is answered. */
  static async request(port: number, text: string | Uint8Array): Promise<Answered & { readonly body: string }> {
    using socket = new RawSocket(port);
    socket.write(text);
    const answer = await socket.#answers.take("an answer to the request");
    return { ...answer, body: socket.#body };
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Leaves what the server sends in the system's buffers from now on. */
  stopReading(): void {
    this.#socket.pause();
  }

  startReading(): void {
    this.#socket.resume();
  }

  /** The next frame of any kind. */
  next(ms = PATIENCE_MS): Promise<RawFrame> {
    return this.#frames.take("a frame", ms);
  }

  /** The next frame that is no ping, which must be a text. */
  async json(): Promise<Frame> {
    let { opcode, payload } = await this.next();
    while (opcode === Opcode.ping) ({ opcode, payload } = await this.next());
    if (opcode !== Opcode.text) throw new Error(`expected a text frame, got opcode ${opcode} ${closeCode(payload)}`);
    return JSON.parse(payload.toString()) as Frame;
  }

  /** The code of the next frame, which must be a close; answers it, as a good peer does. */
  async closeCode(ms = PATIENCE_MS): Promise<number> {
    const { opcode, payload } = await this.next(ms);
    if (opcode !== Opcode.close) throw new Error(`expected a close frame, got opcode ${opcode}: ${payload}`);
    this.write(encodeFrame(Opcode.close, payload));
    return closeCode(payload);
  }

  /** Resolves when the TCP connection is gone. */
  gone(ms = PATIENCE_MS): Promise<void> {
    return within(this.#gone.promise, "the end of the TCP connection", ms);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (!this.#upgraded) this.#readHead();
    if (!this.#upgraded) return;
    for (let taken = decodeFrame(this.#bytes); taken; taken = decodeFrame(this.#bytes)) {
      this.#bytes = taken.rest;
      this.#frames.push(taken.frame);
    }
  }

  #readHead(): void {
    const end = this.#bytes.indexOf("\r\n\r\n");
    if (end < 0) return;
    const [line = "", ...lines] = this.#bytes.subarray(0, end).toString().split("\r\n");
    const headers: Record<string, string> = {};
    for (const header of lines) {
      const colon = header.indexOf(":");
      const name = header.slice(0, colon).toLowerCase();
      const value = header.slice(colon + 1).trim();
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    const status = Number(line.split(" ")[1]);
    const body = this.#bytes.subarray(end + 4);
    if (status !== 101 && body.length < Number(headers["content-length"] ?? 0)) return;
    this.#bytes = status === 101 ? body : Buffer.alloc(0);
    this.#body = body.toString();
    this.#upgraded = status === 101;
    this.#answers.push({ status, headers });
  }
}

function headerLines(headers: HeaderLines): string {
  return Object.entries(headers)
    .flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}\r\n`))
    .join("");
}

function closeCode(payload: Buffer): number {
  return payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
}
