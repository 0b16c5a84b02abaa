import { PATIENCE_MS, Queue, within } from "./wait.ts";

/** A frame of the server. */
export interface Frame {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** How a socket introduces itself. */
export interface Introduction {
  /** In the `Authorization` header. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `/ws/device/` unless said. */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** The subprotocol it offers. */
  readonly protocol?: string;
}

/** Told of every frame that comes, as text: `secrets.test.ts` reads along. */
export const frames = { heard: (_text: string) => {} };

/** A WebSocket client that keeps what came, in order. */
export class TestSocket implements Disposable {
  /** Resolves when the upgrade is done, whatever comes then. */
  readonly upgraded: Promise<void>;
  /** Resolves when the socket is closed. */
  readonly closing: Promise<Closing>;
  /** Every frame that came, as text. */
  readonly received: string[] = [];
  readonly #frames = new Queue<Frame>();
  readonly #socket: WebSocket;
  #greeting: Frame | undefined;

  private constructor(url: string, headers: Readonly<Record<string, string>>, protocol: string | undefined) {
    this.#socket = new WebSocket(url, { headers: { ...headers }, ...(protocol && { protocols: [protocol] }) });
    const closing = Promise.withResolvers<Closing>();
    this.closing = closing.promise;
    const upgraded = Promise.withResolvers<void>();
    this.upgraded = upgraded.promise;
    this.#socket.onopen = () => upgraded.resolve();
    this.#socket.onmessage = ({ data }) => {
      this.received.push(String(data));
      frames.heard(String(data));
      this.#frames.push(JSON.parse(String(data)) as Frame);
    };
    this.#socket.onclose = ({ code, reason }) => {
      this.#frames.end(new Error(`the socket was closed: ${code} ${reason}`));
      closing.resolve({ code, reason });
    };
  }

  /** A socket whose handshake is under way: for those that will be refused. */
  static knock(wsUrl: string, introduction: Introduction): TestSocket {
    const { token, headers = {}, path = "/ws/device/", query = {}, protocol } = introduction;
    const search = new URLSearchParams(query).toString();
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new TestSocket(`${wsUrl}${path}${search && `?${search}`}`, { ...authorization, ...headers }, protocol);
  }

  /** A socket that was let in: its `connection_status` has come. */
  static async open(wsUrl: string, introduction: Introduction): Promise<TestSocket> {
    const socket = TestSocket.knock(wsUrl, introduction);
    await socket.greeted();
    return socket;
  }

  /** Waits to be let in; answers the `connection_status`. */
  async greeted(): Promise<Frame> {
    const greeting = await this.next();
    if (greeting.type !== "connection_status") throw new Error(`refused: ${JSON.stringify(greeting)}`);
    this.#greeting = greeting;
    return greeting;
  }

  /** The `connection_status` it was let in with. */
  get greeting(): Frame {
    if (this.#greeting === undefined) throw new Error("this socket was not let in");
    return this.#greeting;
  }

  get sessionId(): string {
    return String(this.greeting.session_id);
  }

  /** The subprotocol that was agreed on, or "". */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** The next frame. */
  next(ms = PATIENCE_MS): Promise<Frame> {
    return this.#frames.take("a frame", ms);
  }

  /** Sends text as it is, anything else as JSON. */
  send(frame: unknown): void {
    this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  sendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(bytes);
  }

  /** Sends a frame; the next that comes back. */
  ask(frame: unknown): Promise<Frame> {
    this.send(frame);
    return this.next();
  }

  /** What came and was not looked at, once the server has answered a frame that was sent last: nothing is on its way any more. */
  async rest(): Promise<Frame[]> {
    const id = crypto.randomUUID();
    this.send({ type: "ping", id });
    const rest: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.id === id) return rest;
      rest.push(frame);
    }
  }

  /** Waits for the close; with it the frames that came before and were not looked at. */
  async ended(ms = PATIENCE_MS): Promise<Closing & { readonly frames: readonly Frame[] }> {
    const closing = await within(this.closing, "the close", ms);
    return { ...closing, frames: this.#frames.drain() };
  }

  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
