import { Opcode } from "@qy-lty/testkit";
import type { Socket } from "bun";

/** What happens to a light socket. */
export interface SocketEvents {
  /** The upgrade was answered; frames may follow before `open` resolves. */
  opened?(socket: LightSocket): void;
  /** A text frame came. */
  text(frame: string): void;
  /** The TCP connection ended; `code` is of the server's close frame, or null when none came. */
  closed(code: number | null): void;
}

export interface Destination {
  readonly host?: string;
  readonly port: number;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long it may take until the upgrade is answered, milliseconds; a minute unless given. */
  readonly connectMs?: number;
}

const CONNECT_MS = 60_000;

/**
 * A WebSocket client that costs little, so that ten thousand of them fit in one process, and that can be as ill-behaved as
 * a test wants: stop reading, answer no ping, vanish in the middle of anything.
 */
export class LightSocket {
  /** Whether a ping is answered. */
  pongs = true;
  /** When something was received last, on the clock of `performance.now()`. */
  heardAt = performance.now();
  #socket: Socket<LightSocket> | undefined;
  #in: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #ended = false;
  #code: number | null = null;

  private constructor(
    private readonly events: SocketEvents,
    private readonly ready: PromiseWithResolvers<void>,
  ) {}

  /** Connects and upgrades. @throws Error when either is refused */
  static async open(destination: Destination, events: SocketEvents) {
    const { host = "127.0.0.1", port, path, headers = {}, connectMs = CONNECT_MS } = destination;
    const ready = Promise.withResolvers<void>();
    const light = new LightSocket(events, ready);
    const timer = setTimeout(() => ready.reject(new Error("the handshake was not answered")), connectMs);
    try {
      const connecting = Bun.connect({ hostname: host, port, data: light, socket: HANDLERS });
      // One that is made too late is let go.
      connecting.then((socket) => void (light.#ended && socket.terminate())).catch(() => undefined);
      await Promise.race([connecting, ready.promise]);
      light.#socket = await connecting;
      const lines = { Host: `${host}:${port}`, ...UPGRADE, ...headers };
      const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
      light.#write(Buffer.from(`GET ${path} HTTP/1.1\r\n${head.join("")}\r\n`));
      await ready.promise;
      return light;
    } catch (error) {
      light.cut();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get isOpen(): boolean {
    return this.#upgraded && !this.#ended;
  }

  send(text: string): void {
    this.#frame(Opcode.text, Buffer.from(text));
  }

  /** Leaves what comes in the system's buffers from now on. */
  stopReading(): void {
    this.#socket?.pause();
  }

  startReading(): void {
    this.#socket?.resume();
  }

  /** Ends the TCP connection without a word; what comes later is not looked at. */
  cut(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket?.terminate();
    this.events.closed(null);
  }

  received(chunk: Buffer): void {
    if (this.#ended) return;
    this.heardAt = performance.now();
    this.#in = this.#in.length === 0 ? chunk : Buffer.concat([this.#in, chunk]);
    if (!this.#upgraded && !this.#readHead()) return;
    this.#readFrames();
  }

  drained(): void {
    const out = this.#out;
    this.#out = Buffer.alloc(0);
    if (out.length > 0) this.#write(out);
  }

  ended(): void {
    this.ready.reject(new Error("the connection ended in the handshake"));
    if (this.#ended) return;
    this.#ended = true;
    if (this.#upgraded) this.events.closed(this.#code);
  }

  #readHead(): boolean {
    const end = this.#in.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const line = this.#in.toString("latin1", 0, this.#in.indexOf("\r\n"));
    if (!line.startsWith("HTTP/1.1 101")) {
      this.ready.reject(new Error(`the handshake was answered ${line}`));
      return false;
    }
    this.#in = this.#in.subarray(end + 4);
    this.#upgraded = true;
    this.events.opened?.(this);
    this.ready.resolve();
    return true;
  }

  #readFrames(): void {
    let at = 0;
    const bytes = this.#in;
    while (!this.#ended && bytes.length - at >= 2) {
      const short = (bytes[at + 1] ?? 0) & 0x7f;
      const head = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length - at < head) break;
      const length =
        short === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : short === 126 ? bytes.readUInt16BE(at + 2) : short;
      if (bytes.length - at < head + length) break;
      const opcode = (bytes[at] ?? 0) & 0x0f;
      at += head + length;
      this.#take(opcode, bytes.subarray(at - length, at));
    }
    this.#in = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.text) this.events.text(payload.toString());
    else if (opcode === Opcode.ping && this.pongs) this.#frame(Opcode.pong, payload);
    else if (opcode === Opcode.close) {
      this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#frame(Opcode.close, payload.subarray(0, 2));
      this.#socket?.end();
    }
  }

  /** Frames of clients are masked; a mask of zeros leaves the payload as it is. */
  #frame(opcode: number, payload: Buffer): void {
    const long = payload.length >= 126;
    const frame = Buffer.alloc((long ? 8 : 6) + payload.length);
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (long ? 126 : payload.length);
    if (long) frame.writeUInt16BE(payload.length, 2);
    payload.copy(frame, frame.length - payload.length);
    this.#write(frame);
  }

  #write(bytes: Buffer): void {
    if (this.#ended) return;
    if (this.#out.length > 0) {
      this.#out = Buffer.concat([this.#out, bytes]);
      return;
    }
    const written = Math.max(0, this.#socket?.write(bytes) ?? 0);
    if (written < bytes.length) this.#out = Buffer.from(bytes.subarray(written));
  }
}

const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const HANDLERS = {
  data: (socket: Socket<LightSocket>, chunk: Buffer) => socket.data.received(chunk),
  drain: (socket: Socket<LightSocket>) => socket.data.drained(),
  close: (socket: Socket<LightSocket>) => socket.data.ended(),
  end: (socket: Socket<LightSocket>) => void socket.end(),
  error: (socket: Socket<LightSocket>) => socket.data.ended(),
  connectError: () => {},
};
