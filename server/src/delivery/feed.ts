import type { Timer } from "../platform/clock.ts";
import type { StoredMessage } from "../store/log-store.ts";
import type { Consumer } from "./consumer.ts";
import { ltyV1, original } from "./dialects.ts";
import { type Outlet, Pump, type PumpServices } from "./pump.ts";

/** The socket below a feed. */
export interface FeedSocket {
  /** Sends a pushed frame with the others of this turn, then calls `flushed`. */
  push(frame: string): void;
  ping(payload: string): void;
  /** Too much waits for the peer. */
  readonly congested: boolean;
  /** Nothing was acknowledged for too long. */
  stalled(): void;
}

/** What a connection receives from its user's log, and how it acknowledges it. */
export interface Feed {
  offer(message: StoredMessage): void;
  fill(): void;
  /** The stream goes up to `top`: fills if that is news. */
  catchUp(top: number): void;
  /** Whether something is to be sent after the pushed frames of this turn. */
  readonly hasTrailer: boolean;
  /** The pushed frames of this turn have gone out. */
  flushed(): void;
  /** The peer sent any frame. */
  heard(): void;
  ponged(payload: string): void;
  /** `{"type":"ack"}`; false when `seq` was not sent here. */
  acknowledge(seq: number, working: boolean): boolean;
  close(): void;
}

export interface FeedOptions {
  readonly consumer: Consumer;
  /** Messages for a device are for this one; null: for none of them. */
  readonly deviceId: number | null;
  readonly socket: FeedSocket;
  readonly services: PumpServices;
  /** Messages up to here may have been seen on an earlier connection. */
  readonly seenBefore: number;
}

/** A client of `lty.v1`, which acknowledges by frames. */
export class AcknowledgedFeed implements Feed {
  readonly #pump: Pump;

  constructor({ consumer, deviceId, socket, services, seenBefore }: FeedOptions) {
    this.#pump = new Pump(consumer, deviceId, socket, ltyV1, services, seenBefore);
  }

  offer(message: StoredMessage): void {
    this.#pump.offer(message);
  }

  fill(): void {
    this.#pump.fill();
  }

  catchUp(top: number): void {
    if (top > this.#pump.sent) this.#pump.fill();
  }

  readonly hasTrailer = false;

  flushed(): void {}

  heard(): void {}

  ponged(): void {}

  acknowledge(seq: number, working: boolean): boolean {
    if (!this.#pump.hasSent(seq)) return false;
    this.#pump.acknowledge(seq, working);
    return true;
  }

  close(): void {
    this.#pump.close();
  }
}

/** How long a peer may take to show that it pongs, milliseconds, before it counts as one that does not. */
const PROBE_MS = 1_000;

/**
 * A client of the original document, which knows nothing of acknowledgements: each batch is followed by a ping whose
 * payload is its last `seq`, and the pong that every client library sends by itself acknowledges it. For a peer that
 * does not pong, any frame it sends after a batch does. Which of the two a peer is, a first ping asks before anything
 * is sent: a frame that was under way then must not acknowledge what it had not received.
 */
export class PongedFeed implements Feed, Outlet {
  readonly #pump: Pump;
  readonly #socket: FeedSocket;
  readonly #services: PumpServices;
  #pongs: "unknown" | "probing" | "yes" | "no" = "unknown";
  #pinged: number;
  #probe: Timer | undefined;

  constructor({ consumer, deviceId, socket, services, seenBefore }: FeedOptions) {
    this.#socket = socket;
    this.#services = services;
    this.#pinged = consumer.acked;
    this.#pump = new Pump(consumer, deviceId, this, original, services, seenBefore);
  }

  get congested(): boolean {
    if (this.#pongs === "unknown") this.#ask();
    return this.#pongs === "probing" || this.#socket.congested;
  }

  push(frame: string): void {
    this.#socket.push(frame);
  }

  stalled(): void {
    this.#socket.stalled();
  }

  offer(message: StoredMessage): void {
    this.#pump.offer(message);
  }

  fill(): void {
    this.#pump.fill();
  }

  catchUp(top: number): void {
    if (top > this.#pump.sent) this.#pump.fill();
  }

  get hasTrailer(): boolean {
    return this.#pump.sent !== this.#pinged;
  }

  flushed(): void {
    if (!this.hasTrailer) return;
    this.#pinged = this.#pump.sent;
    this.#socket.ping(String(this.#pinged));
  }

  heard(): void {
    // Not what leaves with this turn: the frame was on its way before that.
    if (this.#pongs === "no") this.#pump.acknowledge(this.#pinged);
  }

  ponged(payload: string): void {
    if (this.#pongs !== "yes") {
      this.#pongs = "yes";
      this.#probe?.stop();
      this.#pump.fill();
    }
    const seq = /^\d{1,15}$/.test(payload) ? Number(payload) : 0;
    if (seq <= this.#pinged) this.#pump.acknowledge(seq);
  }

  acknowledge(): boolean {
    return true;
  }

  close(): void {
    this.#probe?.stop();
    this.#pump.close();
  }

  #ask(): void {
    this.#pongs = "probing";
    this.#socket.ping("");
    this.#probe = this.#services.clock.after(PROBE_MS, () => {
      this.#pongs = "no";
      this.#pump.fill();
    });
  }
}
