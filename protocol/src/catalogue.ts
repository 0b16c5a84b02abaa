import {
  AckFrame,
  AuthFrame,
  ByeFrame,
  ConnectionStatus,
  DeviceStatusFrame,
  ErrorFrame,
  PushedFrame,
  ReliableConnectionStatus,
  ResetFrame,
  SkipFrame,
} from "./frames.ts";
import type { Schema } from "./schema.ts";

/** A frame that belongs to the connection itself, and to no skill. */
export interface ProtocolFrame {
  /** Names it in documents; its `type`, but for frames that share one, or have any. */
  readonly name: string;
  readonly from: "client" | "server";
  /** Only on connections of `lty.v1`. */
  readonly isReliable: boolean;
  /** One sentence. */
  readonly summary: string;
  readonly schema: Schema;
  readonly example: object;
}

const timestamp = "2026-01-01T00:00:00.000Z";
const status = {
  type: "connection_status",
  status: "connected",
  user_id: "7",
  device_id: null,
  session_id: "01a1b2c3-0000-7000-8000-000000000001",
} as const;
const message_id = "01a1b2c3-0000-7000-8000-000000000002";
const epoch = "01a1b2c3-0000-7000-8000-000000000003";

/** Every frame of the protocol beside those of the skills: documents and contracts are made from it. */
export const protocolFrames: readonly ProtocolFrame[] = [
  {
    name: "connection_status",
    from: "server",
    isReliable: false,
    summary: "The first frame of every connection that is let in.",
    schema: ConnectionStatus,
    example: { ...status, timestamp },
  },
  {
    name: "error",
    from: "server",
    isReliable: false,
    summary: "Something was wrong with a frame or with the connection.",
    schema: ErrorFrame,
    example: { type: "error", message: "Invalid JSON format", code: "INVALID_JSON", timestamp },
  },
  {
    name: "pushed",
    from: "server",
    isReliable: false,
    summary: "A message pushed over HTTP, of any type that is not the server's own.",
    schema: PushedFrame,
    example: { type: "notice", message: { text: "晚饭好了" }, timestamp, message_id },
  },
  {
    name: "device_status",
    from: "server",
    isReliable: false,
    summary: "To the apps of its owner: a device has come, or is gone.",
    schema: DeviceStatusFrame,
    example: { type: "device_status", device_id: 3, online: true, timestamp },
  },
  {
    name: "connection_status.lty.v1",
    from: "server",
    isReliable: true,
    summary: "The first frame of a connection of `lty.v1`: also where its consumer stands.",
    schema: ReliableConnectionStatus,
    example: {
      ...status,
      protocol: "lty.v1",
      consumer: "app:7:phone",
      epoch,
      acked: 41,
      top: 42,
      resumed: true,
      heartbeat_ms: 30_000,
      ack_window: 64,
      timestamp,
    },
  },
  {
    name: "auth",
    from: "client",
    isReliable: true,
    summary: "The first frame, within 5 s, where the handshake carried no credential.",
    schema: AuthFrame,
    example: { type: "auth", message: { token: "lty_…", role: "app", client_id: "phone" } },
  },
  {
    name: "ack",
    from: "client",
    isReliable: true,
    summary: "Everything up to `seq` was handled.",
    schema: AckFrame,
    example: { type: "ack", seq: 42 },
  },
  {
    name: "skip",
    from: "server",
    isReliable: true,
    summary: "There is nothing to deliver up to `seq`, and why.",
    schema: SkipFrame,
    example: { type: "skip", seq: 43, reason: "expired" },
  },
  {
    name: "reset",
    from: "server",
    isReliable: true,
    summary: "The log no longer holds where the client was: said, never silent.",
    schema: ResetFrame,
    example: { type: "reset", epoch, lost: { from: 40, to: 42 } },
  },
  {
    name: "bye",
    from: "server",
    isReliable: true,
    summary: "Why the connection is about to close, and when to come back.",
    schema: ByeFrame,
    example: { type: "bye", reason: "service restart", retry_min_ms: 500, retry_max_ms: 5_000 },
  },
];
