import { GatewayError, SUBPROTOCOL } from "@qy-lty/protocol";
import { failure } from "../http/execute.ts";
import type { Events } from "../observe/events.ts";
import { newId } from "../platform/ids.ts";
import { Session } from "../session/session.ts";
import type { SessionHost } from "../session/session-host.ts";
import type { Handshake, Upgrade } from "../transport/transport.ts";
import { findCredential, parseEndpoint } from "./credentials.ts";
import { entryRequest } from "./entry.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import type { OriginPolicy } from "./origin.ts";
import type { TrustedProxies } from "./proxies.ts";

export interface HandshakeParts {
  readonly host: SessionHost;
  readonly gatekeeper: Gatekeeper;
  readonly origins: OriginPolicy;
  readonly proxies: TrustedProxies;
  readonly events: Events;
  isDraining(): boolean;
}

/** Decides on WebSocket handshakes before they are answered: only what needs no database. The rest is the gatekeeper's. */
export class Handshakes {
  constructor(private readonly parts: HandshakeParts) {}

  /** A session that may be opened, or the response that says why not. */
  decide(handshake: Handshake): Upgrade | Response {
    const { host, gatekeeper, origins, proxies, events } = this.parts;
    const remote = proxies.clientAddress(handshake.peer, handshake.header("x-forwarded-for"));
    const endpoint = parseEndpoint(handshake.path);
    if (endpoint === null) return this.#refuse(remote, new GatewayError("NOT_FOUND"));
    if (this.parts.isDraining()) {
      return this.#refuse(remote, new GatewayError("UNAVAILABLE", "draining", { retryAfterMs: 5_000 }));
    }
    const origin = handshake.header("origin");
    if (!origins.allows(origin, handshake.header("host"))) {
      events.originRefused(remote, origin ?? "");
      return this.#refuse(remote, new GatewayError("FORBIDDEN", "this origin is not allowed"));
    }
    const query = new URLSearchParams(handshake.query);
    const request = entryRequest(endpoint, findCredential(handshake, query, endpoint), query);
    const subprotocol = offersReliable(handshake.header("sec-websocket-protocol")) ? SUBPROTOCOL : null;
    const session = new Session(host, remote, subprotocol, (opened) => {
      host.registry.opening(opened);
      gatekeeper.admit(opened, request);
    });
    return { handler: session, subprotocol };
  }

  #refuse(remote: string, error: GatewayError): Response {
    this.parts.events.connectionRefused(remote, error.code);
    return failure(error, newId(), this.parts);
  }
}

/** Whether `lty.v1` is among the offered subprotocols. */
function offersReliable(offered: string | null): boolean {
  return offered?.split(",").some((name) => name.trim() === SUBPROTOCOL) ?? false;
}
