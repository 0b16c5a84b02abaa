import type { Server } from "bun";
import { SocketConnection } from "./socket-connection.ts";
import type { Handshake, Listening, ListenOptions, Transport } from "./transport.ts";

/**
 * None: the application refuses a large body by its own limit, and in its own words. Bun reads no further than it is
 * asked to, and throws away what nobody reads.
 */
const MAX_BODY_BYTES = Number.MAX_SAFE_INTEGER;

/** The transport on `Bun.serve`: HTTP and WebSocket on one port. */
export class BunTransport implements Transport {
  constructor(private readonly options: { readonly reusePort?: boolean } = {}) {}

  listen(options: ListenOptions): Listening {
    const server = Bun.serve<SocketConnection>({
      hostname: options.host,
      port: options.port,
      // With `development: false` alone, a second server would take the same port in silence.
      development: false,
      reusePort: this.options.reusePort ?? false,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request, server) => answer(request, server, options),
      error: (error) => {
        options.failed(error);
        return new Response("Internal server error", { status: 500 });
      },
      websocket: {
        data: {} as SocketConnection,
        maxPayloadLength: options.maxFrameBytes,
        backpressureLimit: options.maxBufferedBytes,
        // Past the limit Bun drops a frame and the gap would be invisible: lose the connection instead.
        closeOnBackpressureLimit: true,
        perMessageDeflate: false,
        // Liveness is ours: a half-open peer is never reaped here while we write to it.
        idleTimeout: 0,
        sendPings: false,
        open: (socket) => socket.data.opened(socket),
        message: (socket, data) => socket.data.received(data),
        pong: (socket, payload) => socket.data.ponged(payload),
        drain: (socket) => socket.data.drained(),
        close: (socket, code, reason) => socket.data.closed(code, reason),
      },
    });
    return {
      host: options.host,
      port: server.port ?? options.port,
      finish: () => server.stop(false),
      stop: () => server.stop(true),
    };
  }
}

type BunServer = Server<SocketConnection>;

function answer(request: Request, server: BunServer, options: ListenOptions): Response | undefined | Promise<Response> {
  if (!namesOneHost(request)) return new Response("Bad Host header", { status: 400 });
  const upgrade = request.headers.get("upgrade");
  const peer = () => server.requestIP(request)?.address ?? "";
  if (upgrade === null || upgrade.toLowerCase() !== "websocket") return options.fetch(request, peer);

  // Of a body, Bun would read what came with the handshake as nothing, and the rest as frames.
  if (hasBody(request)) return new Response("Bad WebSocket handshake", { status: 400 });
  const decision = options.upgrade(new BunHandshake(request, peer()));
  if (decision instanceof Response) return decision;
  const taken = server.upgrade(request, {
    data: new SocketConnection(decision.handler, options.failed),
    // Said in any case: left alone, Bun answers the first subprotocol that was offered. Empty means none.
    headers: { "Sec-WebSocket-Protocol": decision.subprotocol ?? "" },
  });
  return taken ? undefined : new Response("Bad WebSocket handshake", { status: 400 });
}

/**
 * Whether the `Host` header is one, and a host (RFC 9112 §3.2). Bun joins two of them with a comma, and makes a URL of any:
 * one that cannot be parsed, or no absolute one.
 */
function namesOneHost(request: Request): boolean {
  const host = request.headers.get("host");
  // Behind a host that was a good one, and the slash after it, nothing can spoil a URL.
  if (host !== null && host === goodHost && request.url.startsWith(goodOrigin)) return true;
  if (!URL.canParse(request.url) || host?.includes(",")) return false;
  goodHost = host;
  goodOrigin = `http://${host}/`;
  return true;
}

/** The last `Host` that was one: nearly every request names the same, and to parse its URL costs a microsecond. */
let goodHost: string | null = null;
let goodOrigin = "";

function hasBody({ headers }: Request): boolean {
  return (headers.get("content-length") ?? "0") !== "0" || headers.has("transfer-encoding");
}

/** A view of the request, so that nothing is copied that nobody asks for. */
class BunHandshake implements Handshake {
  readonly path: string;
  readonly query: string;

  constructor(
    private readonly request: Request,
    readonly peer: string,
  ) {
    const url = request.url;
    const start = url.indexOf("/", url.indexOf("//") + 2);
    const mark = url.indexOf("?", start);
    this.path = mark < 0 ? url.slice(start) : url.slice(start, mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
  }

  header(name: string): string | null {
    return this.request.headers.get(name);
  }
}
