import { frameId } from "../dispatch/decode.ts";
import type { Reset } from "./attach.ts";

/** A client's word that everything up to `seq` was handled; `working`: and that it is busy with the next. */
export interface Acknowledgement {
  readonly seq: number;
  readonly working: boolean;
}

/** How acknowledgements of all our clients begin; what follows is a number and the brace. */
const PLAIN = '{"type":"ack","seq":';
const MAX_DIGITS = 15;
/** An acknowledgement says little; longer frames are none. */
const LONGEST = 256;

/** Whether a frame is an acknowledgement, which is not counted against the rate. Costs other frames next to nothing. */
export function isAcknowledgement(frame: string): boolean {
  return frame.length <= LONGEST && frame.includes('"ack"') && (plainSeq(frame) >= 0 || parse(frame)?.type === "ack");
}

/** What an acknowledgement says, or null when its `seq` is no whole number. */
export function parseAcknowledgement(frame: string): Acknowledgement | null {
  const plain = plainSeq(frame);
  if (plain >= 0) return { seq: plain, working: false };
  const ack = parse(frame);
  if (ack === null || typeof ack.seq !== "number" || !Number.isSafeInteger(ack.seq) || ack.seq < 0) return null;
  return { seq: ack.seq, working: ack.working === true };
}

/** The `id` of an acknowledgement, which only an error carries: one that is in order is not answered. */
export function acknowledgementId(frame: string): string | undefined {
  return frameId(parse(frame));
}

/** `{"type":"reset"}`: the log does not hold where the client was. */
export function encodeReset({ epoch, lost }: Reset, timestamp: string): string {
  return JSON.stringify({ type: "reset", epoch, lost, timestamp });
}

/** `{"type":"bye"}`: why the connection is about to close, and when to come back. */
export function encodeBye(
  reason: string,
  { min, max }: { readonly min: number; readonly max: number },
  timestamp: string,
): string {
  return JSON.stringify({ type: "bye", reason, retry_min_ms: min, retry_max_ms: max, timestamp });
}

/** The `seq` of an acknowledgement as our clients write it, digit by digit; -1 for any other frame. */
function plainSeq(frame: string): number {
  const end = frame.length - 1;
  const digits = end - PLAIN.length;
  if (digits < 1 || digits > MAX_DIGITS || !frame.startsWith(PLAIN) || frame.charCodeAt(end) !== 0x7d) return -1;
  let seq = 0;
  for (let at = PLAIN.length; at < end; at++) {
    const digit = frame.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    seq = seq * 10 + digit;
  }
  return seq;
}

function parse(frame: string): { readonly type?: unknown; readonly seq?: unknown; readonly working?: unknown } | null {
  try {
    const value: unknown = JSON.parse(frame);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
