import { createConnection, type Socket } from "node:net";
import { decodeFrame, encodeFrame, Opcode, type RawFrame } from "@qy-lty/testkit";
import { PATIENCE_MS, within } from "../../e2e/support/wait.ts";

/** Header lines in order, names as they are written; a name may come twice. */
export type Lines = readonly (readonly [name: string, value: string])[];

/** The payload of the ping by which a wire asks whether the server still listens. */
export const SENTINEL = "still here?";

/** A sound handshake, with its header lines in order. */
export function handshakeLines(port: number): Lines {
  return [
    ["Host", `127.0.0.1:${port}`],
    ["Connection", "Upgrade"],
    ["Upgrade", "websocket"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ];
}

/** The bytes of a request without a body. */
export function requestHead(line: string, lines: Lines): string {
  return `${line}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/**
 * A TCP connection of which everything that the server says is kept: heads of answers, then frames. It answers nothing
 * by itself, may be closed in one direction, and tells when the server closed the other.
 */
export class Wire implements Disposable {
  /** Everything that came and was not taken as a head or a frame. */
  bytes: Buffer = Buffer.alloc(0);
  readonly #socket: Socket;
  #ended = false;
  #finished = false;
  #wake = Promise.withResolvers<void>();

  constructor(port: number) {
    this.#socket = createConnection({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.#changed();
    });
    this.#socket.on("error", () => this.#end());
    this.#socket.on("end", () => this.#end());
    this.#socket.on("close", () => this.#end());
  }

  /** A WebSocket that was let in. */
  static async open(port: number, token: string, path = "/ws/device/"): Promise<Wire> {
    const wire = new Wire(port);
    wire.write(requestHead(`GET ${path}?token=${token} HTTP/1.1`, handshakeLines(port)));
    const head = await wire.head();
    const greeting = await wire.frame();
    if (!head.startsWith("HTTP/1.1 101 ") || !greeting.payload.includes('"connection_status"')) {
      throw new Error(`refused: ${head} ${greeting.payload}`);
    }
    return wire;
  }

  /** Whether the server closed its side, or broke the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends bytes; nothing once the server has ended the connection. */
  write(bytes: string | Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  /** Says that nothing more will be sent; what comes is still read. */
  finish(): void {
    this.#finished = true;
    this.#socket.end();
  }

  /** Breaks the connection. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Leaves what the server sends in the system's buffers from now on. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** The next head of an answer, with its blank line; "" when the server closed without one. */
  async head(ms = PATIENCE_MS): Promise<string> {
    const end = () => this.bytes.indexOf("\r\n\r\n");
    await this.#until(() => end() >= 0, "the head of an answer", ms);
    return end() < 0 ? "" : this.#take(end() + 4).toString();
  }

  /** The next frame; rejects when the server closed without one. */
  async frame(ms = PATIENCE_MS): Promise<RawFrame> {
    const frame = await this.frameOrEnd(ms);
    if (frame === undefined) throw new Error("the server closed the connection");
    return frame;
  }

  /** The next frame, or undefined when the server closed without one. */
  async frameOrEnd(ms = PATIENCE_MS): Promise<RawFrame | undefined> {
    let taken = decodeFrame(this.bytes);
    if (taken === undefined) {
      await this.#until(() => decodeFrame(this.bytes) !== undefined, "a frame", ms);
      taken = decodeFrame(this.bytes);
    }
    if (taken !== undefined) this.bytes = taken.rest;
    return taken?.frame;
  }

  /** The next text frame. */
  async text(ms = PATIENCE_MS): Promise<string> {
    for (;;) {
      const { opcode, payload } = await this.frame(ms);
      if (opcode === Opcode.text) return payload.toString();
    }
  }

  /** Resolves when the server closed its side, or broke the connection. */
  gone(ms = PATIENCE_MS): Promise<void> {
    return this.#until(() => false, "the end of the connection", ms);
  }

  /**
   * What the server does from here on, in order: `INVALID_JSON` for an error frame, the type of another text, `pong`,
   * `close 1007`; then `open` when it still answers a ping, `end` when it closed the connection.
   * Its own pings are passed over.
   */
  async fate(ms = PATIENCE_MS): Promise<string> {
    if (!this.#finished) this.write(encodeFrame(Opcode.ping, SENTINEL));
    const told: string[] = [];
    for (;;) {
      const frame = await this.frameOrEnd(ms);
      if (frame === undefined) return [...told, "end"].join(", ");
      if (frame.opcode === Opcode.pong && frame.payload.toString() === SENTINEL) return [...told, "open"].join(", ");
      if (frame.opcode !== Opcode.ping) told.push(tell(frame));
    }
  }

  /**
   * Closes this side, and tells all that the server answers until it closes its own: the status of each answer, and after
   * a 101 the frames, as `fate` tells them.
   */
  async answers(ms = PATIENCE_MS): Promise<string> {
    this.finish();
    await this.gone(ms);
    const told: string[] = [];
    while (this.bytes.length > 0) {
      const [status, length] = readHead(await this.head());
      told.push(status);
      this.#take(length);
      if (status !== "101") continue;
      for (let frame = await this.frameOrEnd(); frame !== undefined; frame = await this.frameOrEnd()) {
        if (frame.opcode !== Opcode.ping) told.push(tell(frame));
      }
    }
    return told.join(", ");
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(bytes: number): Buffer {
    const taken = this.bytes.subarray(0, bytes);
    this.bytes = this.bytes.subarray(bytes);
    return taken;
  }

  async #until(reached: () => boolean, what: string, ms: number): Promise<void> {
    const waited = async () => {
      while (!reached() && !this.#ended) await this.#wake.promise;
    };
    await within(waited(), what, ms);
  }

  #end(): void {
    this.#ended = true;
    this.#changed();
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    wake.resolve();
  }
}

/** The status of an answer, and how long its body is. */
function readHead(head: string): [status: string, length: number] {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1] ?? "0";
  return [head.split(" ")[1] ?? "", Number(length)];
}

/** A frame in a few words. */
function tell({ opcode, payload }: RawFrame): string {
  if (opcode === Opcode.close) return `close ${payload.length >= 2 ? payload.readUInt16BE(0) : "without a code"}`;
  if (opcode === Opcode.pong) return "pong";
  const { type, code } = JSON.parse(payload.toString()) as { readonly type: string; readonly code?: string };
  return code ?? type;
}
