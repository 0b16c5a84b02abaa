import type { Input, Output, Schema } from "@qy-lty/protocol";
import type { Principal } from "../auth/principal.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { Clock } from "../platform/clock.ts";
import type { ChatProvider } from "../providers/chat/chat.ts";
import type { WeatherProvider } from "../providers/weather/weather.ts";

/** Outside services a skill may ask for; each is a small port under `providers/`. */
export interface Services {
  readonly chat: ChatProvider;
  readonly weather: WeatherProvider;
  /** City of a weather request that names none (`LTY_DEFAULT_CITY`). */
  readonly defaultCity: string;
}

/** What a handler may know and use while it answers one frame. */
export type SkillContext<Needs extends keyof Services = never> = Pick<Services, Needs> & {
  /** Who sent the frame. */
  readonly from: Principal;
  readonly clock: Clock;
  /** The one door out, for handlers that also tell others. */
  readonly delivery: Delivery;
  /** Makes the signal that aborts on disconnect or after the skill's deadline; made only when asked for, since most handlers need none. */
  readonly signal: () => AbortSignal;
};

/** A worked exchange. Shown in the docs, run as a test, and written out as a fixture for every client. */
export interface Example<Request, Response> {
  readonly name: string;
  readonly request: Request;
  readonly response: Response;
}

/** The contract of one message type: what it is called, what goes in, what comes out. Pure data; everything generated is generated from this. */
export interface SkillSpec<
  Type extends string,
  Reply extends string,
  RequestIn,
  Request,
  Response,
  Needs extends keyof Services = never,
> {
  /** The `type` a client sends. */
  readonly type: Type;
  /** The `type` of the answer. */
  readonly reply: Reply;
  /** One sentence, for people and for language models. */
  readonly summary: string;
  /** Services the handler may touch. */
  readonly needs?: readonly Needs[];
  /** Answered at once even while earlier frames of the session are still being worked on. */
  readonly overtakes?: boolean;
  /** The frame's `message`. A missing one arrives as `undefined`. Absent: whatever it is, it is not looked at. */
  readonly request?: Schema<RequestIn, Request>;
  /** The members of the answer beside `type`, `timestamp` and `id`. */
  readonly response: Schema<Response, Response>;
  /** How the text of an `UPSTREAM_FAILED` begins for this skill. */
  readonly failure?: string;
  readonly examples: readonly [
    Example<NoInfer<RequestIn>, NoInfer<Response>>,
    ...Example<NoInfer<RequestIn>, NoInfer<Response>>[],
  ];
}

/** Answers a request; a synchronous answer costs the hot path no promise. */
export type Handler<Request, Response, Needs extends keyof Services> = (
  input: Request,
  context: SkillContext<Needs>,
) => Response | Promise<Response>;

/** A contract with its behaviour. */
export interface Skill<
  Type extends string = string,
  Reply extends string = string,
  RequestIn = unknown,
  Request = RequestIn,
  Response = unknown,
  Needs extends keyof Services = never,
> extends SkillSpec<Type, Reply, RequestIn, Request, Response, Needs> {
  readonly handle: Handler<Request, Response, Needs>;
}

// Parameter types of handlers are contravariant: `any` is the one type that every concrete skill is assignable to.
// biome-ignore lint/suspicious/noExplicitAny: typed boundary, narrowed again by `Contract`
export type AnySkill = Skill<string, string, any, any, any, any>;

/** Contract first, behaviour second: `defineSkill({ … }).handle((input, context) => …)`. */
export function defineSkill<
  const Type extends string,
  const Reply extends string,
  RequestIn,
  Request,
  Response,
  const Needs extends keyof Services = never,
>(spec: SkillSpec<Type, Reply, RequestIn, Request, Response, Needs>) {
  return {
    handle: (handle: Handler<Request, Response, Needs>): Skill<Type, Reply, RequestIn, Request, Response, Needs> => ({
      ...spec,
      handle,
    }),
  };
}

/** What a typed client is typed by: `{ sing: { request, response, reply }, … }`. */
export type Contract<Catalogue extends readonly AnySkill[]> = {
  readonly [S in Catalogue[number] as S["type"]]: {
    request: S["request"] extends Schema ? Input<S["request"]> : unknown;
    response: Output<S["response"]>;
    reply: S["reply"];
  };
};
