/** What the client uses of a WebSocket: the platform's class fits, and so does that of the package `ws`. */
export interface SocketLike {
  /** Called once frames may be sent. */
  onopen: ((event: never) => unknown) | null;
  /** Called with each frame: its `data`, a string where that is text. */
  onmessage: ((event: never) => unknown) | null;
  /** Called at the end, with its `code` and `reason`; also where there was no beginning. */
  onclose: ((event: never) => unknown) | null;
  /** Called with what goes wrong; `onclose` follows. */
  onerror: ((event: never) => unknown) | null;
  /** Sends a text frame. */
  send(text: string): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
  /** Node and Bun: ends it without the closing handshake. */
  terminate?(): void;
}

/** A class of WebSockets. */
export type SocketClass = new (url: string, protocols: string[]) => SocketLike;

const PATH = "/ws/device/";
const SUBPROTOCOL = "lty.v1";
const DROPPED = 1006;

/** What happens to a socket; nothing any more once it was dropped. */
export interface SocketEvents {
  opened(): void;
  received(text: string): void;
  ended(code: number, reason: string): void;
}

/** The address of the endpoint below a base such as `https://example.org`; a path that is not empty is kept. @throws TypeError for what is no URL */
export function endpoint(base: string): string {
  const url = new URL(base);
  url.protocol = url.protocol.replace("http", "ws");
  if (url.pathname === "/") url.pathname = PATH;
  return url.href;
}

/** One connection. */
export class Socket {
  readonly #socket: SocketLike;

  constructor(url: string, WebSocket: SocketClass, events: SocketEvents) {
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    this.#socket = socket;
    socket.onopen = () => events.opened();
    // No gateway sends anything but text.
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (typeof data === "string") events.received(data);
    };
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      this.#forget();
      events.ended(code, reason);
    };
    // A close follows, which says as much as there is to know.
    socket.onerror = () => {};
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** Ends it; no event follows. */
  drop(code: number): void {
    this.#forget();
    if (code !== DROPPED) this.#socket.close(code);
    else if (this.#socket.terminate !== undefined) this.#socket.terminate();
    else this.#socket.close();
  }

  #forget(): void {
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {};
  }
}
