import { Close, type CloseReason } from "./close.ts";

/** One row of the error table. */
export interface ErrorRow {
  /** The text a peer sees; a detail may follow it after a colon. */
  readonly message: string;
  /** The HTTP status where the API answers with this code. Absent: sockets only. */
  readonly status?: number;
  /** The close that follows the error frame on a socket. Absent: the socket stays open. */
  readonly close?: CloseReason;
  /** What the peer does next, one sentence for the reference page. */
  readonly advice: string;
}

/** Every error a peer can be told about, over sockets and HTTP alike: one row each, the key is the wire code. */
export const Errors = {
  RATE_LIMITED: {
    message: "Rate limit exceeded",
    status: 429,
    close: Close.rateLimited,
    advice: "Wait `retry_after_ms` (sockets) or `Retry-After` seconds (HTTP), then go on.",
  },
  MESSAGE_TOO_LARGE: {
    message: "Message too large",
    advice: "Send at most `LTY_MAX_MESSAGE_CHARS` characters a frame.",
  },
  INVALID_JSON: { message: "Invalid JSON format", advice: "Send one JSON object per text frame." },
  INVALID_MESSAGE: {
    message: "Message validation error",
    advice: "Correct the field that the message names.",
  },
  UNSUPPORTED_TYPE: {
    message: "Unsupported message type",
    advice: "Use a type of the frame reference.",
  },
  UNSUPPORTED_BINARY: {
    message: "Binary frames are not supported",
    advice: "Send text frames.",
  },
  CITY_NOT_FOUND: {
    message: "Weather query failed: city not found",
    advice: "Ask for a city that the weather provider knows.",
  },
  UPSTREAM_FAILED: {
    message: "Upstream service failed",
    status: 502,
    advice: "Try again later: a service behind the gateway did not answer well.",
  },
  INTERNAL_ERROR: {
    message: "Internal server error",
    status: 500,
    advice: "Report it with the request id: it is a bug of the gateway.",
  },
  UNAUTHENTICATED: {
    message: "Authentication required",
    status: 401,
    close: Close.unauthenticated,
    advice: "Present a valid, unexpired token.",
  },
  FORBIDDEN: {
    message: "Not allowed",
    status: 403,
    close: Close.forbidden,
    advice: "Use a credential that may do this.",
  },
  NO_DEVICE: {
    message: "No bound device",
    close: Close.noDevice,
    advice: "Bind a primary device to the user first.",
  },
  INVALID_BODY: { message: "Invalid request body", status: 400, advice: "Send a JSON object of the documented shape." },
  MISSING_PARAMETER: {
    message: "缺少必要参数",
    status: 400,
    advice: "Send every required field, neither null nor empty.",
  },
  NOT_FOUND: {
    message: "Not found",
    status: 404,
    advice: "Check the path and the id; another owner's id is not found either.",
  },
  METHOD_NOT_ALLOWED: { message: "Method not allowed", status: 405, advice: "Use a method of the `Allow` header." },
  CONFLICT: { message: "Conflict", status: 409, advice: "Choose another value: this one is taken." },
  DEVICE_NOT_BOUND: { message: "Device is not bound", status: 409, advice: "Bind the device to a user first." },
  TOO_LARGE: { message: "Request body too large", status: 413, advice: "Send at most 64 KiB." },
  UPGRADE_REQUIRED: { message: "WebSocket upgrade required", status: 426, advice: "Open this path as a WebSocket." },
  INVALID_VALUE: { message: "Invalid value", status: 422, advice: "Correct the field that the message names." },
  RESERVED_TYPE: {
    message: "Reserved message type",
    status: 422,
    advice: "Choose a type that is not the server's own.",
  },
  QUOTA_EXCEEDED: {
    message: "Quota exceeded",
    status: 507,
    advice: "Let the user's consumers catch up, then push again.",
  },
  UNAVAILABLE: { message: "Service unavailable", status: 503, advice: "Try again after `Retry-After` seconds." },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof Errors;

/** What else an error says beside its code. */
export interface ErrorDetails extends ErrorOptions {
  /** When to try again, in milliseconds from now: `retry_after_ms` on sockets, `Retry-After` over HTTP. */
  readonly retryAfterMs?: number;
  /** Replaces the row's message, for codes whose wording depends on who says it. */
  readonly message?: string;
}

/**
 * Throw it anywhere: the dispatcher and the HTTP shell are the only code that turns it into a frame or a response.
 * `detail` is shown to the peer; `cause` is only logged.
 */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, detail?: string, options: ErrorDetails = {}) {
    const base = options.message ?? Errors[code].message;
    super(detail !== undefined ? `${base}: ${detail}` : base, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }

  get row(): ErrorRow {
    return Errors[this.code];
  }
}
