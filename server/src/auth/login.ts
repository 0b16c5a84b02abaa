import { GatewayError } from "@qy-lty/protocol";
import { PrincipalMeters, type Rate } from "../dispatch/limits.ts";
import type { Events } from "../observe/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Audit } from "../store/audit.ts";
import type { IssuedToken, Tokens } from "../store/tokens.ts";
import type { User, Users } from "../store/users.ts";
import type { Passwords } from "./passwords.ts";

/** How long a token lives that was handed out for a password, milliseconds: 30 days. */
export const LOGIN_LIFETIME_MS = 30 * 86_400_000;
/** Attempts on one account, whoever makes them, right or wrong. */
const ACCOUNT_RATE: Rate = { burst: 10, windowMs: 300_000 };
/** Attempts from one address, on whatever accounts. */
const ADDRESS_RATE: Rate = { burst: 100, windowMs: 300_000 };
/** How long it is taken for granted that there are no hashes of Django's, milliseconds. */
const NO_DJANGO_MS = 60_000;
const WRONG = "wrong user name or password";

/** What signing in works with. */
export interface LoginParts {
  readonly users: Users;
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly events: Events;
}

/** Who signed in, and the token they got for it. */
export interface SignedIn {
  readonly user: User;
  readonly issued: IssuedToken;
}

/** Tokens for user names and passwords. */
export class Login {
  readonly #accounts = new PrincipalMeters();
  readonly #addresses = new PrincipalMeters();
  #djangoAskedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: LoginParts) {}

  /**
   * Checks a password and makes a token that lives 30 days. An unknown name, a wrong password, a user without one and a
   * disabled user get the same refusal, after the same work.
   * @throws GatewayError `UNAUTHENTICATED`; `RATE_LIMITED` after too many attempts; `UNAVAILABLE` when too many wait
   */
  async signIn(username: string, password: string, remote: string, requestId?: string): Promise<SignedIn> {
    const { users, tokens, audit, passwords, events } = this.parts;
    this.#take(username, remote);
    await this.#learnDjango();
    const user = await users.findByName(username);
    const check = await passwords.check(user?.password_hash ?? null, password);
    if (user === undefined || !check.matches || user.is_active === 0) {
      events.loginRefused(remote, user?.id);
      throw new GatewayError("UNAUTHENTICATED", WRONG);
    }
    if (check.isLegacy && user.password_hash !== null) {
      await users.replaceHash(user.id, user.password_hash, await passwords.hash(password));
    }
    const issued = await tokens.issue({ kind: "user", id: user.id }, LOGIN_LIFETIME_MS);
    const subject = { token_id: issued.record.id, prefix: issued.record.prefix };
    events.changed(`user:${user.id}`, "signed in", subject);
    const entry = { who: `user:${user.id}`, what: "signed in", subject, requestId: requestId ?? null };
    await audit.record(entry).catch((error: unknown) => events.backgroundError(error));
    return { user, issued };
  }

  /** @throws GatewayError `RATE_LIMITED` */
  #take(username: string, remote: string): void {
    const now = this.parts.clock.monotonic();
    const retryAfterMs =
      this.#addresses.get(networkOf(remote)).take(now, ADDRESS_RATE) ||
      this.#accounts.get(username).take(now, ACCOUNT_RATE);
    if (retryAfterMs === 0) return;
    throw new GatewayError("RATE_LIMITED", "too many attempts to sign in", { retryAfterMs });
  }

  async #learnDjango(): Promise<void> {
    const { clock, passwords, users } = this.parts;
    const now = clock.monotonic();
    if (passwords.expectsDjango || now - this.#djangoAskedAt < NO_DJANGO_MS) return;
    this.#djangoAskedAt = now;
    const hash = await users.findDjangoHash();
    if (hash !== undefined) passwords.expectDjango(hash);
  }
}

/** An IPv4 address, or the first half of an IPv6 one: whoever has one of those has the other 2⁶⁴ as well. */
export function networkOf(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address.replace("::ffff:", "");
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return groups.slice(0, 4).join(":");
}
