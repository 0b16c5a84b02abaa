import { z } from "@hono/zod-openapi";
import { GatewayError, Limits } from "@qy-lty/protocol";
import { principalKey } from "../auth/principal.ts";
import type { Operation } from "../observe/performance.ts";
import { newId } from "../platform/ids.ts";
import { isDeeperThan } from "../platform/json-depth.ts";
import { errorResponse, REQUEST_ID, successResponse } from "./answer.ts";
import type { Identify } from "./identify.ts";
import { isLocal } from "./local.ts";
import type { Asker, HttpEnvironment, Route, RouteInput } from "./route.ts";
import { mayUse } from "./who-may.ts";

const NOTHING = Object.freeze({});
const NOBODY: Asker = { principal: { kind: "service", serviceId: 0, name: "", mayIssueTokens: false }, tokenId: 0 };

/** A route where it is served: how it fares is recorded with it. */
export interface Endpoint {
  readonly route: Route;
  readonly operation: Operation;
}

/** What every call of every route needs. */
export interface Shell {
  readonly identify: Identify;
  readonly environment: HttpEnvironment;
}

/** One request for one route. */
export interface Call {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  /** Finds the address of the other end of the TCP connection. */
  peer(): string;
}

/**
 * Runs a route: who is it, how often, may they, what do they ask, and the handler. The one place where errors become
 * responses.
 */
export async function execute({ route, operation }: Endpoint, call: Call, shell: Shell): Promise<Response> {
  const { environment, identify } = shell;
  const { request } = call;
  const started = environment.clock.monotonic();
  const requestId = newId();
  let failed = false;
  try {
    const isOpen = route.may === "anyone" || (route.openOnLoopback === true && isLocal(request, call.peer()));
    const found = isOpen ? NOBODY : identify(request);
    const asker = found instanceof Promise ? await found : found;
    const admitted = isOpen
      ? visitor(route, call, requestId, environment)
      : authorise(route, request, asker, requestId, environment);
    const { params, query } = readAddress(route, request, call.params);
    const body = route.body === undefined ? NOTHING : checkBody(route.body, await readText(request));
    const data = await route.handle({ params, query, body }, admitted, environment);
    if (!(data instanceof Response)) return successResponse(route.says ?? "success", data, requestId, route.status);
    data.headers.set(REQUEST_ID, requestId);
    return data;
  } catch (error) {
    failed = true;
    return failure(error, requestId, environment, operation.name);
  } finally {
    environment.events.operationEnded(operation, environment.clock.monotonic() - started, failed, requestId);
  }
}

/** The response of anything that was thrown, and its lines in the log. */
export function failure(
  error: unknown,
  requestId: string,
  { events }: Pick<HttpEnvironment, "events">,
  operation?: string,
): Response {
  const isKnown = error instanceof GatewayError && error.code !== "INTERNAL_ERROR";
  const said = isKnown ? error : new GatewayError("INTERNAL_ERROR");
  if (!isKnown) events.internalError(error, requestId);
  events.requestFailed(operation, said, requestId);
  return errorResponse(said, requestId);
}

/** Whoever asks where no credential is needed. */
function visitor(route: Route, { request, peer }: Call, requestId: string, { proxies }: HttpEnvironment): Asker {
  if (!route.takesAddress) return NOBODY;
  return { ...NOBODY, requestId, remote: proxies.clientAddress(peer(), request.headers.get("x-forwarded-for")) };
}

/** @throws GatewayError `UNAUTHENTICATED`, `RATE_LIMITED`, `FORBIDDEN` */
function authorise(
  route: Route,
  request: Request,
  asker: Asker | null,
  requestId: string,
  { meters, principalRate, clock }: HttpEnvironment,
): Asker {
  if (asker === null) throw new GatewayError("UNAUTHENTICATED");
  if (principalRate !== null) {
    const retryAfterMs = meters.get(principalKey(asker.principal)).take(clock.monotonic(), principalRate);
    if (retryAfterMs > 0) throw new GatewayError("RATE_LIMITED", undefined, { retryAfterMs });
  }
  if (route.may !== "anyone" && !mayUse(asker.principal, route.may)) throw new GatewayError("FORBIDDEN");
  if (route.takesKey) return { ...asker, requestId, idempotencyKey: readIdempotencyKey(request) };
  return route.method === "get" ? asker : { ...asker, requestId };
}

/** @throws GatewayError `INVALID_VALUE` */
function readIdempotencyKey(request: Request): string | null {
  const key = request.headers.get("idempotency-key");
  if (key !== null && (key.length === 0 || key.length > 255)) {
    throw new GatewayError("INVALID_VALUE", "Idempotency-Key: must have 1 to 255 characters");
  }
  return key;
}

/** Path and query are checked before the body is read. */
function readAddress(
  { params, query }: Route,
  request: Request,
  values: Readonly<Record<string, string>>,
): Pick<RouteInput<undefined, undefined, undefined>, "params" | "query"> {
  return {
    params: params === undefined ? NOTHING : check(params, values),
    query: query === undefined ? NOTHING : check(query, Object.fromEntries(new URL(request.url).searchParams)),
  };
}

type Checked = NonNullable<Route["body"]>;

function check(schema: Checked, value: unknown) {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new GatewayError("INVALID_VALUE", `${issue?.path.join(".") || "value"}: ${issue?.message ?? "bad value"}`);
}

function checkBody(schema: Checked, text: string) {
  const body = parseBody(text);
  for (const key of requiredFields(schema)) {
    const value = Object.hasOwn(body, key) ? body[key] : undefined;
    if (value === undefined || value === null || value === "") throw new GatewayError("MISSING_PARAMETER");
  }
  return check(schema, body);
}

const required = new WeakMap<Checked, readonly string[]>();

/** A required field that is absent, null or empty is missing: the original system's first check, with its words. */
function requiredFields(schema: Checked): readonly string[] {
  let fields = required.get(schema);
  if (fields === undefined) {
    const isRequired = ([, field]: [string, Checked["shape"][string]]) => !isOptional(field);
    fields = Object.entries(schema.shape)
      .filter(isRequired)
      .map(([key]) => key);
    required.set(schema, fields);
  }
  return fields;
}

/** Told by its type, not by what it accepts: a message may be any JSON value, and yet must be there. */
function isOptional(field: Checked["shape"][string]): boolean {
  return field instanceof z.ZodOptional || field instanceof z.ZodDefault;
}

/**
 * The JSON object of a body.
 * @throws GatewayError `INVALID_BODY`, `INVALID_VALUE` when it nests too deeply
 */
function parseBody(text: string): Readonly<Record<string, unknown>> {
  // Nothing at all is as good as an empty object: where something is required, it is found missing.
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw new GatewayError("INVALID_BODY", "not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new GatewayError("INVALID_BODY", "a JSON object is expected");
  }
  if (text.length > 2 * Limits.jsonDepth && isDeeperThan(value, Limits.jsonDepth)) throw tooDeep();
  return value as Record<string, unknown>;
}

function tooDeep(): GatewayError {
  return new GatewayError("INVALID_VALUE", `nested deeper than ${Limits.jsonDepth} levels`);
}

/**
 * The text of a body, of at most 64 KiB whether its length was announced or not.
 * @throws GatewayError `TOO_LARGE`; `INVALID_BODY` when a caller leaves in the middle, or its chunks are none: no fault of ours
 */
async function readText(request: Request): Promise<string> {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > Limits.bodyBytes) throw new GatewayError("TOO_LARGE");
  try {
    return announced === null ? await readBounded(request) : await request.text();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("INVALID_BODY", "it was broken off", { cause: error });
  }
}

async function readBounded(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > Limits.bodyBytes) throw new GatewayError("TOO_LARGE");
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
