import { type ErrorCode, GatewayError } from "@qy-lty/protocol";
import { ConfigError } from "@qy-lty/server/config/load.ts";
import { StoreError } from "@qy-lty/server/store/store.ts";
import { CommanderError } from "commander";

/** How a command ends. */
export const ExitCode = { ok: 0, failure: 1, usage: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The command was asked for something that cannot be: a bad argument, an unknown name. The message is one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command was right and could not be carried out all the same. The message is one line. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** What the store answers to a request that cannot be, whatever the state of the system. */
const ASKED_WRONG: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONFLICT", "NOT_FOUND", "INVALID_VALUE"]);

/** How the command ends that threw `error`, and the line that says why; no line where all has been said. */
export interface Ending {
  readonly code: ExitCode;
  readonly line?: string;
}

/** The one place that turns anything thrown into an exit code and a line. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? { code: ExitCode.ok } : usage(error.message.replace(/^error: /, ""));
  }
  if (error instanceof UsageError || error instanceof ConfigError) return usage(error.message);
  if (error instanceof GatewayError) {
    // The store speaks the API's language; here its detail alone reads better: "this serial is taken".
    const message = error.message.replace(`${error.row.message}: `, "");
    return ASKED_WRONG.has(error.code) ? usage(message) : failure(message);
  }
  if (error instanceof Failure || error instanceof StoreError) return failure(error.message);
  if (isSqliteError(error)) return failure(`the database failed: ${error.message}`);
  return failure(error instanceof Error ? error.message || error.name : String(error));
}

function usage(message: string): Ending {
  return { code: ExitCode.usage, line: toLine(message) };
}

function failure(message: string): Ending {
  return { code: ExitCode.failure, line: toLine(message) };
}

function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_");
}

/** One line that no escape sequence gets through, nor a credential that was typed in a wrong place and is now quoted. */
function toLine(message: string): string {
  const line = message.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return `lty: ${line.replace(/\b(lty_|ltk_)[0-9A-Za-z]{9,}/g, "$1…").replace(/\b[0-9a-f]{40}\b/g, "…")}`;
}
