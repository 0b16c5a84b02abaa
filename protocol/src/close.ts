/**
 * Why the server ended a connection. This is the only place where close codes are written; every client's table is generated from it.
 */
export interface CloseReason {
  /** WebSocket close code (RFC 6455 §7.4; 4000–4999 are ours). */
  readonly code: number;
  /** The reason in the close frame: at most 123 bytes of UTF-8. */
  readonly reason: string;
  /** What a client does next. */
  readonly next: "reconnect" | "stop";
  /** One sentence for the reference page. */
  readonly when: string;
  /** When to come back, milliseconds from now: said to clients of `lty.v1` in a `bye` frame before the close. */
  readonly retryMs?: { readonly min: number; readonly max: number };
}

export const Close = {
  closedByAdministrator: {
    code: 1000,
    reason: "closed by an administrator",
    next: "stop",
    when: "An administrator closed this connection (`DELETE /api/connections/{session_id}/`).",
  },
  frameTooBig: {
    code: 1009,
    reason: "Received too big message",
    next: "stop",
    when: "A frame was over 64 KiB.",
  },
  draining: {
    code: 1012,
    reason: "service restart",
    next: "reconnect",
    when: "The server is draining. Reconnect with jitter.",
    retryMs: { min: 500, max: 5_000 },
  },
  bindingChanged: {
    code: 1012,
    reason: "device binding changed",
    next: "reconnect",
    when: "The device was bound, unbound or made primary. Reconnect with jitter.",
    retryMs: { min: 0, max: 1_000 },
  },
  overloaded: {
    code: 1013,
    reason: "try again later",
    next: "reconnect",
    when: "The server is overloaded. Reconnect after the hint in the `bye` frame.",
    retryMs: { min: 1_000, max: 30_000 },
  },
  internalError: {
    code: 4000,
    reason: "internal error",
    next: "reconnect",
    when: "An internal error while connecting.",
  },
  unauthenticated: {
    code: 4001,
    reason: "unauthenticated",
    next: "stop",
    when: "No credential, or an unknown, expired or revoked one, or its user is disabled.",
  },
  noDevice: {
    code: 4002,
    reason: "no bound device",
    next: "stop",
    when: "The user has no primary device and `LTY_REQUIRE_DEVICE` is set.",
  },
  forbidden: {
    code: 4003,
    reason: "forbidden",
    next: "stop",
    when: "The credential is not allowed here: a service token, another user's path, a device that is not theirs, an unknown role.",
  },
  rateLimited: {
    code: 4008,
    reason: "rate limit exceeded",
    next: "reconnect",
    when: "Too many frames. Reconnect after `retry_after_ms` of the error frame.",
  },
  replaced: {
    code: 4009,
    reason: "replaced by a newer connection",
    next: "stop",
    when: "A newer `lty.v1` connection of the same device took over.",
  },
  revoked: {
    code: 4010,
    reason: "credential revoked",
    next: "stop",
    when: "The credential was revoked, or its user disabled or erased, while connected.",
  },
  slowConsumer: {
    code: 4011,
    reason: "slow consumer",
    next: "reconnect",
    when: "Nothing was acknowledged for 30 s, or the connection's buffer limit was reached.",
  },
  expired: {
    code: 4012,
    reason: "credential expired",
    next: "reconnect",
    when: "The credential expired while connected. Reconnect with a fresh one.",
  },
} as const satisfies Record<string, CloseReason>;
