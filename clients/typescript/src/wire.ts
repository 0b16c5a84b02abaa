import type { ServerFrame } from "./frames.ts";

/** Types of the connection itself: no messages, and who listens to these alone handles none. */
export const CONTROL: ReadonlySet<string> = new Set(["connection_status", "error", "reset", "skip", "bye", "pong"]);
/** Longer than anything a gateway says, characters. */
export const MOST_CHARS = 1 << 20;
/** Epochs and ids are short; what is kept of them, and said at the next connect, has to stay so. */
const MOST_NAME_CHARS = 256;
const LONGEST_MS = 3_600_000;

/** What a text of the server says; null where that is no frame. */
export function readFrame(text: string): ServerFrame | null {
  try {
    const frame = JSON.parse(text) as ServerFrame | null;
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}

/** A place in a log: a whole number from 0; undefined for anything else. */
export function readSeq(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** An epoch, a consumer or an id; null for anything else. */
export function readName(value: unknown): string | null {
  return typeof value === "string" && value !== "" && value.length <= MOST_NAME_CHARS ? value : null;
}

/** A duration, milliseconds, an hour at most; undefined for anything else. */
export function readMs(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 ? Math.min(value, LONGEST_MS) : undefined;
}
