import { encodeFrame, Opcode } from "@qy-lty/testkit";
import { mutatedText } from "./grammar.ts";
import type { Random } from "./random.ts";

/** What is sent at once, and what must come of it. */
export interface Burst {
  readonly bytes: Buffer;
  /** How many frames it is, or was before they were damaged. */
  readonly frames: number;
  /** The connection may end, or wait for more: nothing can be sent behind it. */
  readonly damaged: boolean;
}

/** Frames of a burst, at most. */
const MOST_FRAMES = 48;

/** Frames that a session survives, and sometimes damage at the end that it does not. */
export function burst(random: Random): Burst {
  const count = 1 + random.below(MOST_FRAMES);
  const parts = Array.from({ length: count }, () => soundFrame(random));
  const damaged = random.chance(0.3);
  if (damaged) parts.push(damagedFrame(random));
  return { bytes: Buffer.concat(parts), frames: parts.length, damaged };
}

/** A mutated text in one of the ways the standard allows. */
function soundFrame(random: Random): Buffer {
  const payload = Buffer.from(mutatedText(random));
  const way = random.next();
  if (way < 0.05) return encodeFrame(Opcode.binary, payload);
  if (way < 0.08) return encodeFrame(random.chance(0.5) ? Opcode.ping : Opcode.pong, payload.subarray(0, 125));
  if (way < 0.2) return fragments(payload, random);
  return encodeFrame(Opcode.text, payload);
}

function fragments(payload: Buffer, random: Random): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  while (from < payload.length && parts.length < 6) {
    const to = from + 1 + random.below(payload.length - from);
    parts.push(
      encodeFrame(parts.length === 0 ? Opcode.text : Opcode.continuation, payload.subarray(from, to), { final: false }),
    );
    if (random.chance(0.2)) parts.push(encodeFrame(Opcode.ping, "between"));
    from = to;
  }
  const opcode = parts.length === 0 ? Opcode.text : Opcode.continuation;
  return Buffer.concat([...parts, encodeFrame(opcode, payload.subarray(from))]);
}

/** A frame whose bytes, head and mask included, were tampered with. */
function damagedFrame(random: Random): Buffer {
  const frame = Buffer.from(soundFrame(random));
  if (random.chance(0.2)) return frame.subarray(0, random.below(frame.length));
  const reach = random.chance(0.6) ? Math.min(frame.length, 14) : frame.length;
  for (let change = 1 + random.below(3); change > 0; change--) {
    const at = random.below(reach);
    frame[at] = random.chance(0.5) ? random.below(256) : (frame[at] ?? 0) ^ (1 << random.below(8));
  }
  return frame;
}
