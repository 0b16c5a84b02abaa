import { z } from "zod";
import type { Notice } from "./broker.ts";

const Id = z.int().positive();
const NoticeSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("message"),
    userId: Id,
    message: z.object({
      seq: Id,
      messageId: z.string(),
      deviceId: Id.nullable(),
      head: z.string(),
      bytes: z.int().nonnegative(),
      expiresAt: z.int(),
    }),
  }),
  z.object({
    kind: z.literal("frame"),
    userId: Id,
    deviceId: Id.nullable(),
    // A node of before does not say so.
    appsOnly: z.boolean().default(false),
    frame: z.string(),
  }),
  z.object({ kind: z.literal("broadcast"), frame: z.string() }),
  z.object({ kind: z.literal("rates"), counts: z.array(z.tuple([z.string(), z.int().positive()])) }),
  z.object({ kind: z.literal("answer"), consumer: z.string(), id: z.string(), frame: z.string() }),
]) satisfies z.ZodType<Notice>;

const Envelope = z.object({ from: z.string(), notice: NoticeSchema });

/** A notice as text. */
export function encodeNotice(from: string, notice: Notice): string {
  return JSON.stringify({ from, notice });
}

/** What another node said; null for what this node said itself, and for what no node of this version says. */
export function decodeNotice(text: string, self: string): Notice | null {
  // Most of what a node hears of a busy user it said itself.
  if (text.startsWith(`{"from":${JSON.stringify(self)},`)) return null;
  try {
    const { success, data } = Envelope.safeParse(JSON.parse(text));
    return success ? data.notice : null;
  } catch {
    return null;
  }
}
