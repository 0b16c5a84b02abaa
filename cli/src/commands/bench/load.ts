import { Latency } from "@qy-lty/server/observe/latency.ts";
import { Failure } from "../../exit.ts";

/** How long one answer may take, milliseconds. */
const PATIENCE_MS = 15_000;

export interface LoadOptions {
  /** Base URL of the server. */
  readonly url: string;
  readonly token: string;
  readonly connections: number;
  /** On each connection, one after another. */
  readonly pings: number;
}

/** Milliseconds. */
export interface Milliseconds {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface LoadResult {
  readonly connections: number;
  readonly pings: number;
  /** From the start of a handshake to `connection_status`. */
  readonly connect_ms: Milliseconds;
  /** From a ping to its pong. */
  readonly ping_ms: Milliseconds;
  readonly pings_per_s: number;
}

/**
 * Opens connections and pings on each. They are an app's without a name: what waits for the token's owner is neither taken
 * nor acknowledged, and a device's token is refused.
 * @throws Failure when the server cannot be reached, refuses, or ends a connection
 */
export async function putLoad({ url, token, connections, pings }: LoadOptions): Promise<LoadResult> {
  const [connecting, pinging] = [new Latency(), new Latency()];
  const endpoint = endpointOf(url);
  const open: Connection[] = [];
  try {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        const started = performance.now();
        const connection = new Connection(endpoint, token);
        open.push(connection);
        await connection.answer("connection_status");
        connecting.add(performance.now() - started);
      }),
    );
    const started = performance.now();
    await Promise.all(
      open.map(async (connection) => {
        for (let left = pings; left > 0; left--) {
          const sent = performance.now();
          await connection.ping();
          pinging.add(performance.now() - sent);
        }
      }),
    );
    const seconds = (performance.now() - started) / 1_000;
    return {
      connections,
      pings: pinging.count,
      connect_ms: figuresOf(connecting),
      ping_ms: figuresOf(pinging),
      pings_per_s: Math.round(pinging.count / seconds),
    };
  } finally {
    for (const connection of open) connection.close();
  }
}

function endpointOf(url: string): URL {
  const endpoint = new URL("ws/device/?role=app", url.endsWith("/") ? url : `${url}/`);
  endpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";
  return endpoint;
}

function figuresOf(latency: Latency): Milliseconds {
  const at = (share: number) => round(latency.percentile(share));
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: round(latency.max) };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

interface Frame {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

/** Of what is no frame, nothing. */
function parse(text: string): Frame {
  try {
    return Object(JSON.parse(text)) as Frame;
  } catch {
    return {};
  }
}

/** One socket, with one question under way at a time. */
class Connection {
  readonly #socket: WebSocket;
  #waiting: { readonly type: string; readonly settled: PromiseWithResolvers<void> } | undefined;
  /** The last error the server named, which tells more than the close that follows it. */
  #said: string | undefined;
  #failure: Failure | undefined;

  constructor(endpoint: URL, token: string) {
    this.#socket = new WebSocket(endpoint, { headers: { authorization: `Bearer ${token}` } });
    this.#socket.onmessage = ({ data }) => this.#read(String(data));
    this.#socket.onclose = ({ code }) => this.#fail(this.#said ?? this.#closed(endpoint, code));
  }

  ping(): Promise<void> {
    this.#socket.send('{"type":"ping"}');
    return this.answer("pong");
  }

  /** Resolves when a frame of that type comes. @throws Failure when none does */
  async answer(type: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const settled = Promise.withResolvers<void>();
    this.#waiting = { type, settled };
    const timer = setTimeout(
      () => this.#fail(`the server did not answer within ${PATIENCE_MS / 1_000} s`),
      PATIENCE_MS,
    );
    try {
      await settled.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  close(): void {
    this.#socket.onclose = null;
    this.#socket.close();
  }

  #read(text: string): void {
    const { type, code, message } = parse(text);
    if (type === this.#waiting?.type) this.#waiting?.settled.resolve();
    if (type !== "error") return;
    this.#said = `the server refused: ${String(message)} (${String(code)})`;
    if (code === "RATE_LIMITED")
      this.#said += "; fewer --connections or --pings, or LTY_RATE_LIMIT_MESSAGES=0 at the server";
  }

  #closed({ host }: URL, code: number): string {
    return this.#socket.readyState === WebSocket.CLOSED && code === 1006
      ? `the server at ${host} cannot be reached; is it running? (LTY_URL)`
      : `the server ended the connection with ${code}`;
  }

  #fail(why: string): void {
    this.#failure ??= new Failure(why);
    this.#waiting?.settled.reject(this.#failure);
  }
}
