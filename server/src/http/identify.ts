import type { Authenticator } from "../auth/authenticator.ts";
import type { Authority } from "../auth/authority.ts";
import { parseAuthorization } from "../auth/credentials.ts";
import type { Clock } from "../platform/clock.ts";
import type { CredentialRecord } from "../store/store.ts";
import type { Asker } from "./route.ts";

/** Most credentials remembered; past it the oldest goes. */
const MAX_REMEMBERED = 10_000;

/** Who sends a request; null when its credential is missing or no good. */
export type Identify = (request: Request) => Asker | null | Promise<Asker | null>;

/**
 * Reads the `Authorization` header. Good credentials are remembered until anything about credentials changes
 * anywhere, so that a busy backend costs neither a hash nor a database read a request.
 */
export function createIdentify(authenticator: Authenticator, authority: Authority, clock: Clock): Identify {
  const remembered = new Map<string, CredentialRecord>();
  authority.onChange(() => remembered.clear());

  const remember = (key: string, record: CredentialRecord | null): Asker | null => {
    if (record === null) return null;
    if (remembered.size >= MAX_REMEMBERED) {
      const oldest = remembered.keys().next();
      if (!oldest.done) remembered.delete(oldest.value);
    }
    remembered.set(key, record);
    return record;
  };

  return (request) => {
    const header = request.headers.get("authorization");
    if (header === null) return null;
    const known = remembered.get(header);
    if (known !== undefined && (known.expiresAt === null || known.expiresAt > clock.now())) {
      authenticator.noteUse(known.tokenId);
      return known;
    }
    const token = parseAuthorization(header);
    if (token === null) return null;
    const found = authenticator.byToken(token);
    return found instanceof Promise ? found.then((record) => remember(header, record)) : remember(header, found);
  };
}
