/** A frame of the server. */
export interface Frame {
  readonly type: string;
  readonly message?: unknown;
  readonly seq?: number;
  readonly id?: string;
}

/** The platform's own WebSocket, which knows nothing of `lty.v1` unless it offers it. */
export class PlainSocket {
  /** Frames that were not taken yet. */
  readonly #frames: Frame[] = [];
  /** When the last frame came, `performance.now()`. */
  lastAt = 0;
  /** Resolves to the code, and when it came. */
  readonly closed: Promise<{ readonly code: number; readonly at: number }>;
  /** Frames that came behind the close. */
  late = 0;
  #wake: (() => void) | undefined;
  #isClosed = false;
  #asked = 0;

  private constructor(private readonly socket: WebSocket) {
    const closed = Promise.withResolvers<{ readonly code: number; readonly at: number }>();
    this.closed = closed.promise;
    socket.onmessage = ({ data }) => {
      if (this.#isClosed) this.late += 1;
      this.lastAt = performance.now();
      this.#frames.push(JSON.parse(String(data)) as Frame);
      this.#wake?.();
    };
    socket.onclose = ({ code }) => {
      this.#isClosed = true;
      closed.resolve({ code, at: performance.now() });
      this.#wake?.();
    };
  }

  /** Resolves when it was greeted. @throws Error when it was refused */
  static async open(port: number, path: string, protocol?: string): Promise<PlainSocket> {
    const url = `ws://127.0.0.1:${port}${path}`;
    const socket = new PlainSocket(protocol === undefined ? new WebSocket(url) : new WebSocket(url, protocol));
    const [greeting] = await socket.take(1);
    if (greeting?.type !== "connection_status") throw new Error(`refused: ${JSON.stringify(greeting)}`);
    return socket;
  }

  /** The next frames; fewer when it is closed before. */
  async take(count: number): Promise<Frame[]> {
    while (this.#frames.length < count && !this.#isClosed) await this.#next();
    return this.#frames.splice(0, count);
  }

  /** What came before the answer to a question that is asked now, twice: what was pushed may leave a turn later. */
  async rest(): Promise<Frame[]> {
    return [...(await this.#untilAnswer()), ...(await this.#untilAnswer())];
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  async end(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  async #untilAnswer(): Promise<Frame[]> {
    const id = `asked-${++this.#asked}`;
    this.send({ type: "ping", id });
    const found: Frame[] = [];
    for (;;) {
      const [frame] = await this.take(1);
      if (frame === undefined || frame.id === id) return found;
      found.push(frame);
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
