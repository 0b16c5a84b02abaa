import { GatewayError, Limits } from "@qy-lty/protocol";
import { isDeeperThan } from "../platform/json-depth.ts";
import { exceedsCodePoints } from "./limits.ts";

/** A frame whose envelope is sound. `message` has not been looked at. */
export interface DecodedFrame {
  readonly type: string;
  readonly message?: unknown;
  readonly id?: string;
}

/** JSON shorter than this cannot nest too deeply: it takes a bracket to open a level and one to close it. */
const SHORTEST_TOO_DEEP = 2 * (Limits.jsonDepth + 1);

/**
 * The JSON value of a frame.
 * @throws GatewayError `MESSAGE_TOO_LARGE` (over `maxChars` code points), `INVALID_JSON`
 */
export function parseFrame(text: string, maxChars: number): unknown {
  if (exceedsCodePoints(text, maxChars)) throw new GatewayError("MESSAGE_TOO_LARGE");
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own stack is the limit for absurd nesting: valid JSON, and too deep.
    if (error instanceof RangeError) throw tooDeep();
    throw new GatewayError("INVALID_JSON");
  }
}

/** The `id` that the answer carries, whatever else is wrong with the frame. */
export function frameId(value: unknown): string | undefined {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, "id")) return undefined;
  const { id } = value as { id?: unknown };
  return typeof id === "string" ? id : undefined;
}

/**
 * Checks the envelope: an object with a string `type`, an `id` that is a string where there is one, nested no deeper
 * than the protocol allows. `textLength` is that of the frame's text.
 * @throws GatewayError `INVALID_MESSAGE`
 */
export function checkEnvelope(value: unknown, textLength: number): DecodedFrame {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new GatewayError("INVALID_MESSAGE", "a frame is a JSON object");
  }
  const frame = value as DecodedFrame;
  if (typeof frame.type !== "string") throw new GatewayError("INVALID_MESSAGE", "type must be a string");
  if (frame.id !== undefined && typeof frame.id !== "string") {
    throw new GatewayError("INVALID_MESSAGE", "id must be a string");
  }
  if (textLength >= SHORTEST_TOO_DEEP && isDeeperThan(value, Limits.jsonDepth)) throw tooDeep();
  return frame;
}

function tooDeep(): GatewayError {
  return new GatewayError("INVALID_MESSAGE", `nested deeper than ${Limits.jsonDepth} levels`);
}
