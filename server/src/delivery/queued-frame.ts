import { Limits, RESERVED_TYPES } from "@qy-lty/protocol";
import type { Push } from "./delivery.ts";

/** The type of a queued frame that names none. */
export const DEFAULT_TYPE = "system";

/** Why a queued frame can never be pushed. Kept with the entry, for an operator. */
export class BadFrame extends Error {
  override readonly name = "BadFrame";
}

/**
 * The push that a queued frame asks for: its `type`, `message` and `sender` as they are, and all other members beside them
 * but those that the server gives.
 * @throws BadFrame when nothing can be made of it
 */
export function toPush(text: string): Omit<Push, "idempotency"> {
  const { type, message, sender, seq: _, redelivered: __, ...extra } = parse(text);
  if (typeof type !== "string" || type === "" || type.length > Limits.typeChars) throw new BadFrame("bad type");
  if (RESERVED_TYPES.has(type)) throw new BadFrame("reserved type");
  return { type, message, ...(typeof sender === "string" && { sender }), extra };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    throw new BadFrame("not JSON");
  }
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) throw new BadFrame("not an object");
  return { type: DEFAULT_TYPE, ...frame };
}
