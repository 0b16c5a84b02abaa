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

/** A device of the app's user has come, or is gone. Said when it happens, and kept for nobody. */
export const DeviceStatusFrame = z.object({
  type: z.literal("device_status"),
  device_id: z.int(),
  online: z.boolean().describe("False once it has been away for 3 s: a reconnect is no absence."),
  timestamp,
});
export type DeviceStatusFrame = z.output<typeof DeviceStatusFrame>;

/** What `connection_status` says beside that to a client of `lty.v1`. */
export const ReliableConnectionStatus = ConnectionStatus.extend({
  protocol: z.literal("lty.v1"),
  consumer: z
    .string()
    .nullable()
    .describe(
      "What this connection must not miss anything as; null: it sees what is said now, and acknowledges nothing.",
    ),
  epoch: z.string().nullable().describe("Names this life of the log; another one means that the log went back."),
  acked: z.int().nullable().describe("Up to here the consumer has acknowledged."),
  top: z.int().nullable().describe("`seq` of the newest message."),
  resumed: z.boolean().describe("Whether the place that the client gave was found."),
  heartbeat_ms: z.int().describe("A peer that is silent for so long is pinged."),
  ack_window: z.int().describe("So many messages are sent before one is acknowledged."),
});
export type ReliableConnectionStatus = z.output<typeof ReliableConnectionStatus>;

/** A message pushed by a backend, an app or the server itself. */
export const PushedFrame = z.looseObject({
  type: z.string(),
  message: z.unknown().optional().describe("What is said. Only a queued frame may have none."),
  sender: z.string().optional().describe("User name of who pushed it, where the route says so."),
  message_id: z.string().describe("The same however often it comes: dedupe by it."),
  seq: z
    .int()
    .optional()
    .describe(
      "`lty.v1`: its place in the user's log. A message that is kept nowhere has none, and is not acknowledged.",
    ),
  redelivered: z.literal(true).optional().describe("`lty.v1`: it may have been seen before."),
  timestamp,
});
export type PushedFrame = z.output<typeof PushedFrame>;

/** `lty.v1`, client → server: everything up to `seq` was handled. */
export const AckFrame = z.object({
  type: z.literal("ack"),
  seq: z.int().min(0).describe("Everything up to here was handled."),
  working: z.boolean().optional().describe("`true`: and the next one is still being handled. That restarts the 30 s."),
});
export type AckFrame = z.output<typeof AckFrame>;

/** `lty.v1`, client → server: the first frame of a connection whose handshake carried no credential. */
export const AuthFrame = z.object({
  type: z.literal("auth"),
  message: z.looseObject({
    token: z.string().min(1).describe("The credential."),
    role: z.enum(["app", "device"]).optional().describe("As `?role=`."),
    device: z.union([z.string(), z.int()]).optional().describe("As `?device=`: which one, with the role `device`."),
    client_id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .optional()
      .describe("As `?client_id=`: names an app, so that nothing is lost while it is away."),
    epoch: z.string().optional().describe("Where the client stands: the epoch it knows,"),
    seq: z.union([z.int(), z.string()]).optional().describe("the `seq` that it handled last,"),
    last: z.string().optional().describe("and that message's `message_id`."),
  }),
});
export type AuthFrame = z.output<typeof AuthFrame>;

/** `lty.v1`, server → client: nothing to deliver up to `seq`. */
export const SkipFrame = z.object({
  type: z.literal("skip"),
  seq: z.int().describe("There is nothing to deliver up to here."),
  reason: z
    .enum(["filtered", "expired", "dead"])
    .describe("It was for another device, came too late, or was given up on after 5 attempts."),
  timestamp,
});
export type SkipFrame = z.output<typeof SkipFrame>;

/** `lty.v1`, server → client: the log no longer holds where the client was. */
export const ResetFrame = z.object({
  type: z.literal("reset"),
  epoch: z.string().describe("The epoch that counts from now on."),
  lost: z.object({ from: z.int(), to: z.int() }).describe("The stretch that the log and the client do not share."),
  timestamp,
});
export type ResetFrame = z.output<typeof ResetFrame>;

/** `lty.v1`, server → client: the connection is about to close. */
export const ByeFrame = z.object({
  type: z.literal("bye"),
  reason: z.string().describe("That of the close which follows."),
  retry_min_ms: z.int().describe("Come back after so long at the earliest, and"),
  retry_max_ms: z.int().describe("after so long at the latest: at a random moment between the two."),
  timestamp,
});
export type ByeFrame = z.output<typeof ByeFrame>;
