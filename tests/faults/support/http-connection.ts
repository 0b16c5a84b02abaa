import type { Socket } from "bun";

/** What a request was answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

const END_OF_HEAD = "\r\n\r\n";

/**
 * One HTTP connection, one request at a time: it is known of every request whether it was answered when the connection
 * ended. Reconnects when asked again.
 */
export class HttpConnection {
  #socket: Socket<HttpConnection> | undefined;
  #in: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);
  #waiting: ((answer: Answer | null) => void) | undefined;
  #isAbandoned = false;

  constructor(
    private readonly port: () => number,
    private readonly token: string,
    private readonly host = "127.0.0.1",
  ) {}

  /** Whether a request is on its way. */
  get isBusy(): boolean {
    return this.#waiting !== undefined;
  }

  /** Posts a JSON text. Null: the connection ended without an answer, and nobody knows what became of it. @throws Error when there is no connection */
  async post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer | null> {
    this.#socket ??= await Bun.connect({ hostname: this.host, port: this.port(), data: this, socket: HANDLERS });
    if (this.#isAbandoned) this.close();
    if (this.#socket === undefined) return null;
    const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    this.#waiting = resolve;
    const length = Buffer.byteLength(body);
    const head = `POST ${path} HTTP/1.1\r\nHost: ${this.host}\r\nAuthorization: Bearer ${this.token}\r\nContent-Type: application/json\r\n`;
    this.#write(Buffer.from(`${head}${more.join("")}Content-Length: ${length}${END_OF_HEAD}${body}`));
    return promise;
  }

  close(): void {
    this.#socket?.terminate();
    this.ended();
  }

  /** Ends for good, also where it is only being made. */
  abandon(): void {
    this.#isAbandoned = true;
    this.close();
  }

  received(chunk: Buffer): void {
    this.#in = this.#in.length === 0 ? chunk : Buffer.concat([this.#in, chunk]);
    const end = this.#in.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#in.toString("latin1", 0, end);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const start = end + END_OF_HEAD.length;
    if (this.#in.length < start + length) return;
    const body = this.#in.toString("utf8", start, start + length);
    this.#in = this.#in.subarray(start + length);
    this.#settle({ status: Number(head.split(" ")[1]), body });
  }

  drained(): void {
    const out = this.#out;
    this.#out = Buffer.alloc(0);
    if (out.length > 0) this.#write(out);
  }

  ended(): void {
    this.#socket = undefined;
    this.#in = this.#out = Buffer.alloc(0);
    this.#settle(null);
  }

  #write(bytes: Buffer): void {
    const written = Math.max(0, this.#socket?.write(bytes) ?? 0);
    if (written < bytes.length) this.#out = Buffer.from(bytes.subarray(written));
  }

  #settle(answer: Answer | null): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(answer);
  }
}

const HANDLERS = {
  data: (socket: Socket<HttpConnection>, chunk: Buffer) => socket.data.received(chunk),
  drain: (socket: Socket<HttpConnection>) => socket.data.drained(),
  close: (socket: Socket<HttpConnection>) => socket.data.ended(),
  end: (socket: Socket<HttpConnection>) => void socket.end(),
  error: (socket: Socket<HttpConnection>) => socket.data.ended(),
  connectError: () => {},
};
