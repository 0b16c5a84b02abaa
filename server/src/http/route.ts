import type { z } from "@hono/zod-openapi";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Authority } from "../auth/authority.ts";
import type { Login } from "../auth/login.ts";
import type { Passwords } from "../auth/passwords.ts";
import { type Principal, principalKey } from "../auth/principal.ts";
import type { TrustedProxies } from "../auth/proxies.ts";
import type { Tickets } from "../auth/tickets.ts";
import type { Broker } from "../broker/broker.ts";
import type { Config } from "../config/config.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { type CallerKey, fingerprintOf } from "../delivery/idempotency.ts";
import type { Inlet } from "../delivery/inlet.ts";
import type { MessageLog } from "../delivery/message-log.ts";
import type { MessageQueue } from "../delivery/message-queue.ts";
import type { PrincipalMeters, Rate } from "../dispatch/limits.ts";
import type { Events } from "../observe/events.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Clock } from "../platform/clock.ts";
import type { LastSeen } from "../presence/last-seen.ts";
import type { Presence } from "../presence/presence.ts";
import type { Registry } from "../session/registry.ts";
import type { Idempotency } from "../store/log-store.ts";
import type { Store } from "../store/store.ts";

/** What the handlers of all routes work with. */
export interface HttpEnvironment {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events;
  readonly registry: Registry;
  readonly lastSeen: LastSeen;
  readonly delivery: Delivery;
  readonly messageLog: MessageLog;
  readonly queue: MessageQueue;
  /** The Redis list that other programs push to; null without Redis. */
  readonly inlet: Inlet | null;
  readonly authenticator: Authenticator;
  readonly authority: Authority;
  readonly tickets: Tickets;
  readonly login: Login;
  readonly passwords: Passwords;
  readonly proxies: TrustedProxies;
  readonly meters: PrincipalMeters;
  readonly metrics: Metrics;
  readonly broker: Broker;
  readonly presence: Presence;
  /** Requests a principal may make, together with its frames; null: no limit. */
  readonly principalRate: Rate | null;
  isDraining(): boolean;
}

/**
 * Who may ever use a route: a person, a device, any service, a service that may issue tokens. An admin may use every
 * route. Whether what they ask for is theirs, the handler decides (`who-may.ts`).
 */
export type Caller = "user" | "device" | "service" | "issuer";

/** Who is asking, once it is known that they may ask. */
export interface Asker {
  readonly principal: Principal;
  /** The token that was presented. */
  readonly tokenId: number;
  /** The `Idempotency-Key` header, on routes that take one. */
  readonly idempotencyKey?: string | null;
  /** What the log knows the request by. */
  readonly requestId?: string;
  /** The address at the other end, on routes that take it. */
  readonly remote?: string;
}

/** The idempotency key of a request: of its header, or of its body, for its caller alone. */
export function callerKey({ principal, idempotencyKey }: Asker, inBody: string | undefined): CallerKey | null {
  const key = idempotencyKey ?? inBody;
  return key === undefined ? null : { caller: principalKey(principal), key };
}

/** As `callerKey`, for what the store makes once; `request` tells apart what may not share a key, and holds no secret. */
export function creationKey(asker: Asker, inBody: string | undefined, request: readonly unknown[]): Idempotency | null {
  const key = callerKey(asker, inBody);
  return key && { ...key, fingerprint: fingerprintOf(request) };
}

type Fields = z.ZodObject<z.ZodRawShape>;
type Parsed<Schema extends Fields | undefined> = Schema extends Fields ? z.output<Schema> : Record<never, never>;

/** A route, as data: the permission matrix, the OpenAPI document and the server are all made from it. */
export interface RouteSpec<
  Params extends Fields | undefined,
  Query extends Fields | undefined,
  Body extends Fields | undefined,
> {
  readonly method: "get" | "post" | "patch" | "delete";
  /** With `{parameters}` and a trailing slash, which a caller may leave out. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** `anyone` needs no credential. */
  readonly may: readonly Caller[] | "anyone";
  readonly params?: Params;
  readonly query?: Query;
  /** Required fields must be there, neither null nor `""`. */
  readonly body?: Body;
  /** The `data` of a success. */
  readonly data: z.ZodType;
  /** The `message` of a success. */
  readonly says?: string;
  readonly status?: 200 | 201;
  /** Open without a credential to whoever asks on this machine itself. */
  readonly openOnLoopback?: true;
  /** The handler answers a `Response` of its own, of this type, and `data` is its text. */
  readonly answers?: "text/plain";
  /** Answered ahead of the router. */
  readonly hot?: true;
  /** Asks for the address at the other end: of the client, where a trusted proxy stands between. */
  readonly takesAddress?: true;
  /** Reads the header `Idempotency-Key`. */
  readonly takesKey?: true;
}

export type RouteInput<
  Params extends Fields | undefined,
  Query extends Fields | undefined,
  Body extends Fields | undefined,
> = { readonly params: Parsed<Params>; readonly query: Parsed<Query>; readonly body: Parsed<Body> };

/** A route with its behaviour, as the server runs it. */
export interface Route extends RouteSpec<Fields | undefined, Fields | undefined, Fields | undefined> {
  handle(input: RouteInput<undefined, undefined, undefined>, asker: Asker, environment: HttpEnvironment): unknown;
}

/** `defineRoute({ … }).handle((input, asker, environment) => data)` */
export function defineRoute<
  Params extends Fields | undefined = undefined,
  Query extends Fields | undefined = undefined,
  Body extends Fields | undefined = undefined,
>(spec: RouteSpec<Params, Query, Body>) {
  return {
    handle: (
      handle: (input: RouteInput<Params, Query, Body>, asker: Asker, environment: HttpEnvironment) => unknown,
    ): Route => ({ ...spec, handle: handle as Route["handle"] }),
  };
}
