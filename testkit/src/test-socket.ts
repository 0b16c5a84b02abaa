import type { MemoryTransport } from "@qy-lty/server/transport/memory.ts";
import { Mailbox } from "./mailbox.ts";
import type { Closed } from "./raw-socket.ts";

/** A frame of the server, parsed. */
export interface Frame {
  readonly type: string;
  readonly timestamp: string;
  readonly id?: string;
  readonly [member: string]: unknown;
}

/** How a socket asks for its upgrade. */
export interface SocketRequest {
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

interface Carrier {
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code: number, reason: string): void;
}

/**
 * A client's end of a connection, on which everything is waited for and nothing slept for.
 *
 * @example
 * const socket = await gateway.connect(`token=${token}`);
 * expect(await socket.next()).toMatchObject({ type: "connection_status" });
 * expect(await socket.ask({ type: "ping" })).toMatchObject({ type: "pong" });
 */
export class TestSocket implements AsyncDisposable {
  /** Every frame so far, parsed. */
  readonly frames: readonly Frame[];
  /** Every frame so far, as it came. */
  readonly raw: string[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<Closed>;
  /** What the server chose of the protocols that were offered; empty for none. */
  readonly protocol: string;
  readonly #mailbox: Mailbox<Frame>;
  readonly #carrier: Carrier;
  #lastId = 0;

  private constructor(carrier: Carrier, protocol: string, arriving: Arriving) {
    this.#carrier = carrier;
    this.protocol = protocol;
    this.#mailbox = arriving.mailbox;
    this.frames = arriving.mailbox.all;
    this.raw = arriving.raw;
    this.closed = arriving.closed.promise;
  }

  /** Connects over TCP; `url` is the server's, `http://…`. @throws Error when the upgrade is refused */
  static async overNetwork(url: string, { target, headers, protocols }: SocketRequest): Promise<TestSocket> {
    const socket = new WebSocket(new URL(target, url).href.replace(/^http/, "ws"), {
      headers: { ...headers },
      protocols: [...(protocols ?? [])],
    });
    const arriving = new Arriving();
    const opened = Promise.withResolvers<void>();
    socket.addEventListener("open", () => opened.resolve());
    socket.addEventListener("message", ({ data }) => arriving.text(String(data)));
    socket.addEventListener("close", ({ code, reason }) => {
      opened.reject(new Error(`the upgrade was refused: ${reason}`));
      arriving.end({ code, reason });
    });
    await opened.promise;
    return new TestSocket(socket, socket.protocol, arriving);
  }

  /** Connects in memory. @throws Error when the upgrade is refused */
  static overMemory(transport: MemoryTransport, { target, headers, protocols }: SocketRequest): TestSocket {
    const arriving = new Arriving();
    const offered = protocols === undefined ? {} : { "sec-websocket-protocol": protocols.join(", ") };
    const { peer, subprotocol } = transport.connect(
      { target, headers: { ...headers, ...offered } },
      {
        write: (frames) => {
          for (const { kind, payload } of frames) {
            if (kind === "text") arriving.text(payload);
            else if (kind === "ping") peer.pong(payload);
          }
        },
        closed: (code, reason) => arriving.end({ code, reason }),
      },
    );
    const carrier: Carrier = {
      send: (data) => (typeof data === "string" ? peer.sendText(data) : peer.sendBinary(data)),
      close: (code, reason) => peer.close(code, reason),
    };
    return new TestSocket(carrier, subprotocol ?? "", arriving);
  }

  /** The next frame, as soon as it is there. Rejects when the connection ends first. */
  next(): Promise<Frame> {
    return this.#mailbox.next();
  }

  /** The next frame of that type; those before it are passed over. */
  nextOfType(type: string): Promise<Frame> {
    return this.#mailbox.nextWhere((frame) => frame.type === type);
  }

  /** Frames that came and were not taken. */
  get waiting(): readonly Frame[] {
    return this.#mailbox.waiting;
  }

  /** Sends a frame; a string goes as it is. */
  send(frame: object | string): void {
    this.#carrier.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): void {
    this.#carrier.send(bytes);
  }

  /** Sends a frame under an id of its own and answers the reply to it; other frames before it are passed over. */
  ask(frame: { readonly type: string; readonly message?: unknown }): Promise<Frame> {
    const id = `ask-${++this.#lastId}`;
    this.send({ ...frame, id });
    return this.#mailbox.nextWhere((reply) => reply.id === id);
  }

  close(code = 1000, reason = ""): void {
    this.#carrier.close(code, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }
}

class Arriving {
  readonly mailbox = new Mailbox<Frame>();
  readonly raw: string[] = [];
  readonly closed = Promise.withResolvers<Closed>();

  text(text: string): void {
    this.raw.push(text);
    this.mailbox.push(JSON.parse(text) as Frame);
  }

  end(how: Closed): void {
    this.closed.resolve(how);
    this.mailbox.end(new Error(`the connection closed: ${how.code} ${how.reason}`));
  }
}
