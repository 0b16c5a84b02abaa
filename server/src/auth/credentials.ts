import type { Handshake } from "../transport/transport.ts";

/** A credential as it was carried, not yet checked. */
export type Credential =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "ticket"; readonly ticket: string };

/** Where a device connects, and what its path says. */
export interface Endpoint {
  /** `/ws/device/token/<token>/` */
  readonly token?: string;
  /** `/ws/device/<user_id>/`, deprecated: the credential must be this user's. */
  readonly userId?: number;
}

const ENDPOINT = /^\/ws\/device(?:\/token\/([^/]+)|\/(\d+))?\/?$/;

/** The endpoint a path names, or null when it is none of ours. */
export function parseEndpoint(path: string): Endpoint | null {
  const match = ENDPOINT.exec(path);
  if (match === null) return null;
  const [, token, userId] = match;
  if (token !== undefined) return { token: decode(token) };
  if (userId !== undefined) return { userId: Number(userId) };
  return {};
}

/** The first credential found: header, `?ticket=`, `?token=`, path. Null: none was presented. */
export function findCredential(handshake: Handshake, query: URLSearchParams, endpoint: Endpoint): Credential | null {
  const fromHeader = parseAuthorization(handshake.header("authorization"));
  if (fromHeader !== null) return { kind: "token", token: fromHeader };
  const ticket = query.get("ticket");
  if (ticket) return { kind: "ticket", ticket };
  const token = query.get("token") || endpoint.token;
  return token ? { kind: "token", token } : null;
}

/** The token of an `Authorization: Bearer|Token <token>` header (the scheme in any case, RFC 9110 §11.1), or null. */
export function parseAuthorization(header: string | null): string | null {
  if (header === null) return null;
  const space = header.indexOf(" ");
  if (space < 0) return null;
  const scheme = header.slice(0, space).toLowerCase();
  if (scheme !== "bearer" && scheme !== "token") return null;
  return header.slice(space + 1).trim() || null;
}

/** A path segment that is not valid percent-encoding stands for itself, and will match no token. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
