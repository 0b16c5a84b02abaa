import type { GatewayError } from "@qy-lty/protocol";

/** The body of an answer that says nothing beside its type: told by identity, so that it costs nothing to encode. */
export const EMPTY_BODY: Readonly<Record<string, never>> = Object.freeze({});

/** The last answer that said nothing beside its type and time: all of one millisecond are the same text. */
let lastEmpty = { replyType: "", timestamp: "", frame: "" };

/** `{"type":…, …body, "timestamp":…, "id"?:…}`; `replyType` is one of ours and needs no escaping. */
export function encodeReply(replyType: string, body: object, timestamp: string, id: string | undefined): string {
  if (body === EMPTY_BODY && id === undefined) return encodeEmpty(replyType, timestamp);
  const head = `{"type":"${replyType}",`;
  const text = body === EMPTY_BODY ? "{}" : JSON.stringify(body);
  const members = text === "{}" ? "" : `${text.slice(1, -1)},`;
  return id === undefined
    ? `${head}${members}"timestamp":"${timestamp}"}`
    : `${head}${members}"timestamp":"${timestamp}","id":${JSON.stringify(id)}}`;
}

function encodeEmpty(replyType: string, timestamp: string): string {
  if (timestamp !== lastEmpty.timestamp || replyType !== lastEmpty.replyType) {
    lastEmpty = { replyType, timestamp, frame: `{"type":"${replyType}","timestamp":"${timestamp}"}` };
  }
  return lastEmpty.frame;
}

/** The error frame of `error`. `requestId` is what the log knows an internal error by. */
export function encodeError(
  error: GatewayError,
  timestamp: string,
  id: string | undefined,
  requestId?: string,
): string {
  return JSON.stringify({
    type: "error",
    message: error.message,
    code: error.code,
    retry_after_ms: error.retryAfterMs,
    request_id: requestId,
    timestamp,
    id,
  });
}
