import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const GREETING =
  '{"type":"connection_status","status":"connected","user_id":"7","device_id":3,"session_id":"s","timestamp":"t","protocol":"lty.v1","consumer":"device:3","epoch":"e","acked":0,"top":0,"resumed":false,"heartbeat_ms":30000,"ack_window":64}';

/** What is said to one handshake: its key is what the answer is made of. */
export type Answer = (socket: Socket, key: string) => void;

/** The answer that a handshake wants. */
export function upgrade(socket: Socket, key: string, headers = "Sec-WebSocket-Protocol: lty.v1\r\n"): void {
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  socket.write(`${head}Sec-WebSocket-Accept: ${accept}\r\n${headers}\r\n`);
}

/** One unmasked frame: its first byte, and its payload. */
export function rawFrame(first: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const length = body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** Lets in, greets, and says these bytes. */
export function greetedThen(bytes: Buffer): Answer {
  return (socket, key) => {
    upgrade(socket, key);
    socket.write(rawFrame(0x81, GREETING));
    socket.write(bytes);
  };
}

/** A server of bytes: a script answers each handshake as it likes. */
export class RawServer implements AsyncDisposable {
  /** Handshakes so far. */
  handshakes = 0;
  /** Says what is said to the next. */
  answer: Answer = () => {};
  readonly #sockets = new Set<Socket>();
  #changed = Promise.withResolvers<void>();
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.once("data", (data) => {
      const [, key = ""] = /^sec-websocket-key: *(\S+)/im.exec(String(data)) ?? [];
      this.handshakes += 1;
      this.answer(socket, key);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  });

  static async start(): Promise<RawServer> {
    const server = new RawServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  }

  /** Resolves when there were so many handshakes. */
  async takes(count: number): Promise<void> {
    while (this.handshakes < count) await this.#changed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
