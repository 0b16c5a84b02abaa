import { Errors, type GatewayError } from "@qy-lty/protocol";
import { newId } from "../platform/ids.ts";

const JSON_HEADERS = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };

/** The header that every response carries: what the log knows the request by. */
export const REQUEST_ID = "x-request-id";

/** The headers of success, copied into each response: to make them of an object costs twice as much. */
const successHeaders = new Headers(JSON_HEADERS);

/** `{"status":"success","message":…,"data":…}` */
export function successResponse(message: string, data: unknown, requestId: string, status = 200): Response {
  successHeaders.set(REQUEST_ID, requestId);
  return new Response(JSON.stringify({ status: "success", message, data }), { status, headers: successHeaders });
}

/** `{"status":"error","message":…,"code":…,"request_id":…}` with the status of the error's row. */
export function errorResponse(
  error: GatewayError,
  requestId: string = newId(),
  extra: Readonly<Record<string, string>> = {},
): Response {
  const status = error.row.status ?? Errors.INTERNAL_ERROR.status;
  const headers: Record<string, string> = { ...JSON_HEADERS, [REQUEST_ID]: requestId, ...extra };
  if (error.retryAfterMs !== undefined)
    headers["retry-after"] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  if (status === 401) headers["www-authenticate"] = "Bearer";
  const body = { status: "error", message: error.message, code: error.code, request_id: requestId };
  return new Response(JSON.stringify(body), { status, headers });
}
