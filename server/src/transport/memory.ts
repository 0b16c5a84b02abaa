import { MemoryConnection, type MemoryPeer, type MemoryPeerEvents } from "./memory-connection.ts";
import type { Handshake, Listening, ListenOptions, Transport } from "./transport.ts";

export type { MemoryFrame, MemoryPeer, MemoryPeerEvents } from "./memory-connection.ts";

/** What a peer asks for when it connects. */
export interface MemoryRequest {
  /** Path and query. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly port?: number;
}

const PEER = "127.0.0.1";
const FIRST_FREE_PORT = 49_152;

/**
 * A transport without a network, for tests: both ends live in this process, and everything happens in microtasks, so
 * that with a clock of the test's own there is nothing left to chance.
 */
export class MemoryTransport implements Transport {
  readonly #listeners = new Map<number, Listener>();
  #nextPort = FIRST_FREE_PORT;

  listen(options: ListenOptions): Listening {
    const port = options.port === 0 ? this.#nextPort++ : options.port;
    if (this.#listeners.has(port)) {
      throw Object.assign(new Error(`port ${port} is in use`), { code: "EADDRINUSE" });
    }
    const listener: Listener = { options, open: new Set(), answering: 0, whenIdle: undefined };
    this.#listeners.set(port, listener);
    return {
      host: options.host,
      port,
      finish: () => {
        this.#listeners.delete(port);
        return new Promise((resolve) => {
          listener.whenIdle = resolve;
          settle(listener);
        });
      },
      stop: async () => {
        this.#listeners.delete(port);
        for (const connection of [...listener.open]) connection.terminate();
      },
    };
  }

  /**
   * Opens a connection; `events` hears what arrives at the peer's end.
   * @throws Error with the status when the server answers with a response of its own
   */
  connect(
    request: MemoryRequest,
    events: MemoryPeerEvents,
  ): { readonly peer: MemoryPeer; readonly subprotocol: string | null } {
    const listener = this.#listener(request.port);
    const decision = guarded(listener, () => listener.options.upgrade(handshakeOf(request)));
    if (decision instanceof Response) throw new Error(`the upgrade was refused with ${decision.status}`);
    const connection = new MemoryConnection(decision.handler, listener.options, events, () => {
      listener.open.delete(connection);
      settle(listener);
    });
    listener.open.add(connection);
    connection.start();
    return { peer: connection.peer, subprotocol: decision.subprotocol };
  }

  /** Sends a plain request. */
  async fetch(request: Request, port?: number): Promise<Response> {
    const listener = this.#listener(port);
    listener.answering += 1;
    try {
      return await listener.options.fetch(request, () => PEER);
    } catch (error) {
      return failed(listener, error);
    } finally {
      listener.answering -= 1;
      settle(listener);
    }
  }

  #listener(port: number | undefined): Listener {
    const listener = port === undefined ? this.#listeners.values().next().value : this.#listeners.get(port);
    if (listener === undefined) throw Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" });
    return listener;
  }
}

interface Listener {
  readonly options: ListenOptions;
  readonly open: Set<MemoryConnection>;
  /** Requests that are not answered yet. */
  answering: number;
  /** Called once nothing is open and everything answered. */
  whenIdle: (() => void) | undefined;
}

function settle({ answering, open, whenIdle }: Listener): void {
  if (answering === 0 && open.size === 0) whenIdle?.();
}

function guarded<Result>(listener: Listener, work: () => Result): Result | Response {
  try {
    return work();
  } catch (error) {
    return failed(listener, error);
  }
}

function failed(listener: Listener, error: unknown): Response {
  listener.options.failed(error);
  return new Response("Internal server error", { status: 500 });
}

function handshakeOf({ target, headers }: MemoryRequest): Handshake {
  const [path = "", ...query] = target.split("?");
  const given = new Headers(headers);
  return { path, query: query.join("?"), peer: PEER, header: (name) => given.get(name) };
}
