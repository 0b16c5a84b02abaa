import { z } from "zod";

/** Client → server. `id` is optional so that clients of the original system work; unknown members are ignored. */
export interface ClientFrame {
  readonly type: string;
  readonly message?: unknown;
  readonly timestamp?: unknown;
  /** Echoed in every reply to this frame. */
  readonly id?: string;
}

/** Server → client. `timestamp` is UTC ISO 8601 with `Z`. */
export interface ServerFrame {
  readonly type: string;
  readonly timestamp: string;
  readonly id?: string;
  readonly [member: string]: unknown;
}

/** Types that only the server, or the connection itself, may say: pushing one is refused with `RESERVED_TYPE`. */
export const RESERVED_TYPES: ReadonlySet<string> = new Set([
  "connection_status",
  "error",
  "pong",
  "auth",
  "ack",
  "skip",
  "reset",
  "bye",
]);

const timestamp = z.iso.datetime().describe("When the server made the frame, UTC ISO 8601.");

/** The first frame on every accepted connection. */
export const ConnectionStatus = z.object({
  type: z.literal("connection_status"),
  status: z.literal("connected"),
  user_id: z
    .string()
    .nullable()
    .describe("The user whose messages this connection receives; null for a device nobody owns yet."),
  device_id: z.int().nullable().describe("The device this connection speaks for, or null."),
  session_id: z.string().describe("Names this connection in the API."),
  timestamp,
});
export type ConnectionStatus = z.output<typeof ConnectionStatus>;

/** Something was wrong with a frame or with the connection. */
export const ErrorFrame = z.object({
  type: z.literal("error"),
  message: z.string().describe("For a person."),
  code: z.string().describe("For a program: a row of the error table."),
  retry_after_ms: z.int().optional().describe("When to try again, milliseconds from now."),
  request_id: z.string().optional().describe("What the log knows an `INTERNAL_ERROR` by."),
  id: z.string().optional(),
  timestamp,
});
export type ErrorFrame = z.output<typeof ErrorFrame>;

/** A message pushed by a backend, an app or the server itself. */
export const PushedFrame = z.object({
  type: z.string(),
  message: z.unknown(),
  sender: z.string().optional().describe("User name of who pushed it, where the route says so."),
  message_id: z.string(),
  timestamp,
});
export type PushedFrame = z.output<typeof PushedFrame>;
