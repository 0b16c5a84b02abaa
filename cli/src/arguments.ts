import { Config } from "@qy-lty/server/config/config.ts";
import { UsageError } from "./exit.ts";

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Ten years, as over HTTP. */
const MAX_LIFETIME_MS = 3_650 * UNIT_MS.d;
/** What a line quotes of a bad argument, characters. */
const MAX_QUOTED_CHARS = 60;

/** Reads what was typed; throws a `UsageError` that says what was expected. */
export type ArgumentParser<Value> = (text: string) => Value;

/** The id of a user or a device. */
export const id: ArgumentParser<number> = (text) => {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new UsageError(`${quote(text)} is no id: a positive whole number is expected`);
  return Number(text);
};

/** The name of a person or a device. 150 is Django's limit for user names, whose accounts can be imported. */
export const name = printable("a name", 150);
/** What the maker of a device calls it. */
export const serial = printable("a serial", 100);
/** The name of a backend. */
export const serviceName = printable("a service's name", 100);

function printable(what: string, maxChars: number): ArgumentParser<string> {
  return (text) => {
    const chars = [...text].length;
    if (chars === 0 || chars > maxChars) throw new UsageError(`${what} has 1 to ${maxChars} characters, not ${chars}`);
    if (/\p{Cc}/u.test(text)) throw new UsageError(`${what} must not hold control characters`);
    if (text.trim() !== text) throw new UsageError(`${what} must not begin or end with a space`);
    return text;
  };
}

/** How long a token lives, in milliseconds. */
export const lifetime: ArgumentParser<number> = (text) => {
  const [, count, unit] = /^([1-9]\d{0,6})([mhd])$/.exec(text) ?? [];
  if (count === undefined)
    throw new UsageError(`${quote(text)} is no lifetime: expected a number and m, h or d, as in 15m, 12h, 30d`);
  const ms = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (ms > MAX_LIFETIME_MS) throw new UsageError("--expires: a token lives for ten years (3650d) at most");
  return ms;
};

/** A whole number from 1 to `most`. */
export function count(most: number): ArgumentParser<number> {
  return (text) => {
    const value = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value <= most))
      throw new UsageError(`${quote(text)}: a whole number from 1 to ${most.toLocaleString("en-US")} is expected`);
    return value;
  };
}

/** A type of message. Which types may be sent is the server's to say. */
export const messageType: ArgumentParser<string> = (text) => {
  if (text === "") throw new UsageError("--type must not be empty");
  return text;
};

/** The body of a message: any JSON value but null and the empty text. It is not quoted: it may be private, and long. */
export const messageBody: ArgumentParser<unknown> = (text) => {
  const value = parseJson(text);
  if (value === undefined) throw new UsageError(`--message is not JSON; a text is written with its quotes: '"hello"'`);
  if (value === null || value === "") throw new UsageError('--message must be neither null nor ""');
  return value;
};

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A setting that is also a flag: checked as the setting is, and left as it was typed. */
export function settingFlag(key: "host" | "port"): ArgumentParser<string> {
  return (text) => {
    const result = Config.shape[key].safeParse(text);
    if (!result.success)
      throw new UsageError(`--${key}: ${result.error.issues[0]?.message ?? "bad value"}, got ${quote(text)}`);
    return text;
  };
}

/** How many processes serve: 1 to 64. */
export const workerCount: ArgumentParser<number> = (text) => {
  const count = Number(text);
  if (!/^\d{1,2}$/.test(text) || count < 1 || count > 64)
    throw new UsageError(`--workers: expected a whole number from 1 to 64, got ${quote(text)}`);
  return count;
};

function quote(text: string): string {
  return `'${text.length > MAX_QUOTED_CHARS ? `${text.slice(0, MAX_QUOTED_CHARS)}…` : text}'`;
}
