import { GatewayError } from "@qy-lty/protocol";

const RETRY_AFTER_MS = 1_000;
/** A transaction that lost to another is tried so often in all. */
const ATTEMPTS = 5;

/** SQLSTATE classes and codes that say the server cannot be used now (postgresql.org/docs/current/errcodes-appendix.html). */
const AWAY = /^(08|53|57P0|57014$|25006$|55P03$|58)/;
/** Two transactions were in each other's way: the same again may succeed. */
const AGAIN = /^(40001|40P01)$/;
/** Errors of sockets and of the name service. */
const NETWORK = /^(E[A-Z]+|ERR_SOCKET.*)$/;
/** What the driver says when a connection ends under it, without a code. */
const DRIVER = /connection (terminated|ended|closed)|timeout|not queryable|socket|closed/i;

/** SQLSTATE or the system's code; "" where there is none. */
export function postgresCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Whether the server is away, busy or shutting down, rather than that it was asked wrong. */
export function isAway(error: unknown): boolean {
  const code = postgresCode(error);
  if (AWAY.test(code) || NETWORK.test(code)) return true;
  return code === "" && error instanceof Error && DRIVER.test(error.message);
}

/** Whether the transaction was rolled back only because of another one. */
export function isContention(error: unknown): boolean {
  return AGAIN.test(postgresCode(error));
}

/** Runs a transaction, and a few times more where another was in its way. */
export async function untilSettled<Result>(transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt >= ATTEMPTS || !isContention(error)) throw error;
    }
  }
}

/** What a caller gets: `UNAVAILABLE` for a server that is away, `INVALID_VALUE` for text that it cannot hold, else the error itself. */
export function toStoreFailure(error: unknown): unknown {
  if (isAway(error)) {
    return new GatewayError("UNAVAILABLE", "the database does not answer", {
      retryAfterMs: RETRY_AFTER_MS,
      cause: error,
    });
  }
  if (postgresCode(error) === "22021") {
    return new GatewayError("INVALID_VALUE", "text must not contain the character U+0000", { cause: error });
  }
  return error;
}

/** What went wrong with a database, as the end of a line that begins with its name. */
export function describePostgresError(failure: unknown): string {
  const error = failure instanceof GatewayError ? (failure.cause ?? failure) : failure;
  const code = postgresCode(error);
  if (code === "28P01" || code === "28000") return "refuses these credentials";
  if (code === "3D000") return "there is no such database; create it first";
  if (code === "42501") return "this user may not create what the gateway needs there";
  if (code === "53300") return "has no connection left for us";
  if (isAway(error)) return `cannot be reached${NETWORK.test(code) ? ` (${code})` : ""}`;
  return error instanceof Error ? error.message : "cannot be used";
}
