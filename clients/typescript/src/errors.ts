/** Codes of the client's own errors, beside those of the server's error table. */
export type ClientErrorCode =
  | "TIMEOUT"
  | "CLOSED"
  | "OUTBOX_FULL"
  | "ID_IN_USE"
  | "MESSAGE_TOO_LARGE"
  | "OVERFLOW"
  | "TOKEN_FAILED"
  | "HANDLER_FAILED"
  | "STORAGE_FAILED";

/** Something went wrong; `code` says what, for programs. */
export class LtyError extends Error {
  override readonly name: string = "LtyError";

  /** `code`: a row of the server's error table, or a `ClientErrorCode`. */
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The server closed the connection for good: connecting again would not help. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";

  /** `code`: the WebSocket close code, such as 4001. */
  constructor(
    readonly code: number,
    readonly reason: string,
  ) {
    super(`closed by the server: ${code} ${reason}`.trim());
  }
}
