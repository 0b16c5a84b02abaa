import type { ConnectionStatus } from "./frames.ts";
import { readMs, readName, readSeq } from "./wire.ts";

const PONG_MS = 10_000;
const GLANCE_MS = 5_000;
const HEARTBEAT_MS = 30_000;
const LEAST_HEARTBEAT_MS = 1_000;

/** What is known of a connection that was greeted: whether it lives, and what it was told. Monotonic milliseconds. */
export class Connection {
  /** Null: nothing is kept for this connection, and nothing is to be acknowledged. */
  readonly consumer: string | null;
  readonly epoch: string | null;
  readonly #heartbeatMs: number;
  #heardAt: number;
  /** A ping was sent: something has to come until then. */
  #pongBy: number | null = null;
  /** The highest `seq` that came, or was shown, on this connection. */
  #onWire: number;
  #acked: number;

  constructor(
    readonly since: number,
    greeting: ConnectionStatus,
  ) {
    this.consumer = readName(greeting.consumer);
    this.epoch = readName(greeting.epoch);
    this.#heartbeatMs = Math.max(LEAST_HEARTBEAT_MS, readMs(greeting.heartbeat_ms) ?? HEARTBEAT_MS);
    this.#heardAt = since;
    this.#onWire = this.#acked = readSeq(greeting.acked) ?? 0;
  }

  /** The last acknowledgement, or where the server had the client at the greeting. */
  get acked(): number {
    return this.#acked;
  }

  /** When to ask for a sign of life, or to take it for dead. */
  get dueAt(): number {
    return this.#pongBy ?? this.#heardAt + this.#heartbeatMs;
  }

  /** Whether it was asked for a sign of life in vain. */
  isDead(now: number): boolean {
    return this.#pongBy !== null && now >= this.#pongBy;
  }

  /** Whether a ping is due; it counts as sent then. */
  asks(now: number): boolean {
    if (this.#pongBy !== null || now < this.dueAt) return false;
    this.#pongBy = now + PONG_MS;
    return true;
  }

  /** Whether a ping may be sent before it is due; it counts as sent then. */
  glances(now: number): boolean {
    if (this.#pongBy !== null) return false;
    this.#pongBy = now + GLANCE_MS;
    return true;
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#pongBy = null;
  }

  /** A message or a `skip` showed how far the log has come. */
  showed(seq: unknown): void {
    this.#onWire = Math.max(this.#onWire, readSeq(seq) ?? 0);
  }

  /** What to acknowledge where everything up to `seq` was handled; null for nothing new, or nothing that came here. */
  acknowledges(seq: number): number | null {
    const reached = Math.min(seq, this.#onWire);
    if (this.consumer === null || reached <= this.#acked) return null;
    this.#acked = reached;
    return reached;
  }
}
