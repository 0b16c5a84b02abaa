import { Close, type CloseReason, GatewayError, SUBPROTOCOL } from "@qy-lty/protocol";
import type { Admission } from "../auth/admission.ts";
import {
  acknowledgementId,
  encodeBye,
  encodeReset,
  isAcknowledgement,
  parseAcknowledgement,
} from "../delivery/acks.ts";
import type { Attachment } from "../delivery/attach.ts";
import { dialectOf } from "../delivery/dialects.ts";
import type { Feed } from "../delivery/feed.ts";
import { encodeError } from "../dispatch/encode.ts";
import type { StoredMessage } from "../store/log-store.ts";
import type { Connection, ConnectionHandler } from "../transport/transport.ts";
import type { Heart } from "./heartbeat.ts";
import { Intake } from "./intake.ts";
import type { SessionHost } from "./session-host.ts";

/** Bytes that wait for a slow peer from which on its feed sends no more until they are gone. */
const CONGESTED_BYTES = 128 * 1024;
/** Most bytes that may wait for a slow peer before it is closed (4011). */
export const MAX_BUFFERED_BYTES = 1024 * 1024;

type State = "opening" | "open" | "closed";

/** One connection, from its upgrade to its end: who it is, what it is working on, what waits for it. */
export class Session implements ConnectionHandler, Heart {
  /** Which of this process's sessions it is. */
  readonly number: number;
  readonly connectedAt: number;
  /** Monotonic ms of the last inbound frame or pong. */
  lastHeard: number;
  heartbeat = -1;
  /** Set once it was let in. */
  admission: Admission | undefined;
  /** The consumer it is by name (`device:`, `app:`): its frames can be told from those of others. */
  consumerName: string | undefined;

  readonly #openedAt: number;
  #intake: Intake | undefined;
  #state: State = "opening";
  #connection: Connection | undefined;
  #paused = false;
  /** Pushed frames that leave together at the end of this turn. */
  #outgoing: string | string[] | undefined;
  /** Takes the opening, and then the first frame of a client that is still to say who it is. */
  #entry: ((session: Session, frame: string) => void) | undefined;
  #feed: Feed | undefined;
  #congested = false;

  /** `admit` is run once the socket is open; it ends in `letIn` or `refuse`, at once or later. */
  constructor(
    private readonly host: SessionHost,
    readonly remote: string,
    /** The subprotocol that was agreed on, or null. */
    readonly subprotocol: string | null,
    admit: (session: Session) => void,
  ) {
    this.number = host.registry.ids.next();
    this.connectedAt = host.clock.now();
    this.lastHeard = this.#openedAt = host.clock.monotonic();
    this.#entry = admit;
  }

  get id(): string {
    return this.host.registry.ids.text(this.number);
  }

  /** When it was last heard, milliseconds since the epoch: counted from its beginning, so that it never goes back. */
  get lastActivity(): number {
    return Math.round(this.connectedAt + this.lastHeard - this.#openedAt);
  }

  /** What its frames go through; made with the first, of a session that was let in. */
  get intake(): Intake {
    this.#intake ??= this.#takeIn();
    return this.#intake;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Reads nothing until the session is let in or refused. */
  hold(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  /** Whether the client speaks reliable delivery. */
  get isReliable(): boolean {
    return this.subprotocol === SUBPROTOCOL;
  }

  /** Waits for the frame in which a client says who it is; `take` ends in `letIn` or `refuse`. */
  awaitFirstFrame(take: (frame: string) => void): void {
    this.#entry = (_, frame) => take(frame);
  }

  /** Joins, says `connection_status` first, then sends what waits for it, and reads on. */
  letIn(admission: Admission, attachment: Attachment | null, held: boolean): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.admission = admission;
    if (attachment !== null) {
      this.#feed = this.host.feed(this, admission, attachment.consumer);
      if (admission.role !== "user") this.consumerName = attachment.consumer.consumer;
    }
    this.host.registry.add(this, admission);
    this.send(this.host.greeting.frame(this, admission, attachment));
    if (attachment?.reset && this.isReliable) {
      this.host.events.resetSent(this, attachment.reset);
      this.send(encodeReset(attachment.reset, this.host.clock.iso()));
    }
    // What was taken while the cursor was being found is news to nobody here: ask the log again.
    if (held) this.#feed?.fill();
    else if (attachment !== null) this.#feed?.catchUp(attachment.position.top);
    if (held) this.#readOn();
  }

  /** Says why, and closes; nothing was joined. */
  refuse(error: GatewayError): void {
    if (this.#state !== "opening") return;
    this.host.events.connectionRefused(this.remote, error.code);
    this.host.events.counts.socketErrors.add(error.code);
    this.#connection?.send(encodeError(error, this.host.clock.iso(), undefined));
    this.close(error.row.close ?? (error.code === "UNAVAILABLE" ? Close.overloaded : Close.internalError));
  }

  /** Sends a frame now. */
  send(frame: string): void {
    if (this.#state === "closed" || this.#connection === undefined) return;
    const waiting = this.#connection.send(frame);
    if (waiting > MAX_BUFFERED_BYTES) this.close(Close.slowConsumer);
    else if (waiting > CONGESTED_BYTES) this.#congested = true;
  }

  /** A message of the log was taken: by the feed, or as it comes where nothing is kept for this connection. */
  offer(message: StoredMessage): void {
    if (this.#feed !== undefined) this.#feed.offer(message);
    else if (message.deviceId === null) this.push(dialectOf(this.subprotocol).frame(message, false));
  }

  /** The user's stream goes up to `top`. */
  catchUp(top: number): void {
    this.#feed?.catchUp(top);
  }

  get congested(): boolean {
    return this.#congested;
  }

  ping(payload: string): void {
    this.#connection?.ping(payload);
  }

  /** Nothing was acknowledged for 30 s. */
  stalled(): void {
    this.close(Close.slowConsumer);
  }

  /** Sends a pushed frame at the end of this turn, in one write with the others that come by then. */
  push(frame: string): void {
    if (this.#state !== "open") return;
    this.host.events.counts.pushed += 1;
    const outgoing = this.#outgoing;
    if (outgoing === undefined) {
      this.#outgoing = frame;
      this.host.outbox.add(this);
    } else if (typeof outgoing === "string") this.#outgoing = [outgoing, frame];
    else outgoing.push(frame);
  }

  /** Sends what `push` collected. */
  flush(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = undefined;
    if (this.#state !== "open" || outgoing === undefined) return;
    if (typeof outgoing === "string" && !this.#feed?.hasTrailer) {
      this.send(outgoing);
      return;
    }
    this.#connection?.cork(() => {
      if (typeof outgoing === "string") this.send(outgoing);
      else for (const frame of outgoing) this.send(frame);
      this.#feed?.flushed();
    });
  }

  /** Answers a frame with an error; codes that end the connection do. */
  fail(error: GatewayError, id: string | undefined, requestId?: string): void {
    this.host.events.counts.socketErrors.add(error.code);
    this.send(encodeError(error, this.host.clock.iso(), id, requestId));
    if (error.row.close !== undefined) this.close(error.row.close);
  }

  /** Leaves every topic at once, then closes the socket. A peer that does not answer the close is ended by the heartbeat. */
  close(reason: CloseReason): void {
    if (this.#state === "closed") return;
    if (this.isReliable && "retryMs" in reason) {
      this.host.events.counts.byesSent += 1;
      this.send(encodeBye(reason.reason, reason.retryMs, this.host.clock.iso()));
    }
    this.#leave();
    this.#connection?.resume();
    this.#connection?.close(reason.code, reason.reason);
  }

  /** Stops reading while too much waits, reads on once there is room. */
  regulate(): void {
    const inbox = this.#intake?.inbox;
    if (inbox === undefined || this.#connection === undefined) return;
    if (!this.#paused && inbox.full) {
      this.#paused = true;
      this.#connection.pause();
    } else if (this.#paused && inbox.hasRoom) this.#readOn();
  }

  opened(connection: Connection): void {
    this.#connection = connection;
    this.host.heartbeats.add(this);
    this.#enter("");
  }

  text(frame: string): void {
    this.lastHeard = this.host.clock.monotonic();
    if (this.#state === "opening") {
      this.#enter(frame);
      return;
    }
    if (this.#state !== "open") return;
    this.#feed?.heard();
    if (this.isReliable && isAcknowledgement(frame)) this.#acknowledge(frame);
    else this.host.dispatcher.receive(this, frame, this.lastHeard);
  }

  binary(): void {
    this.lastHeard = this.host.clock.monotonic();
    if (this.#state === "opening") this.text("");
    else if (this.#state === "open") this.host.dispatcher.receiveBinary(this, this.lastHeard);
  }

  ponged(payload: string): void {
    this.lastHeard = this.host.clock.monotonic();
    if (this.#state === "open") this.#feed?.ponged(payload);
  }

  drained(): void {
    this.#congested = false;
    if (this.#state === "open") this.#feed?.fill();
  }

  closed(code: number): void {
    this.#leave();
    this.host.heartbeats.remove(this);
    this.host.registry.gone(this);
    this.#connection = undefined;
    this.host.events.connectionClosed(this, code);
  }

  beat(): void {
    this.#connection?.ping();
  }

  expire(): void {
    // What it may have said was not read: it is not its silence. Whatever we are at has a deadline of its own.
    if (this.#paused && this.#state !== "closed") return;
    this.#leave();
    this.#connection?.terminate();
  }

  #enter(frame: string): void {
    const entry = this.#entry;
    this.#entry = undefined;
    entry?.(this, frame);
  }

  #takeIn(): Intake {
    if (this.admission === undefined) throw new Error("a frame was taken in before its session was let in");
    return new Intake(this.host.registry.holdMeter(this.admission));
  }

  #acknowledge(frame: string): void {
    this.host.events.counts.acksReceived += 1;
    const ack = parseAcknowledgement(frame);
    if (ack !== null && (this.#feed === undefined || this.#feed.acknowledge(ack.seq, ack.working))) return;
    const problem = ack === null ? "seq must be a whole number" : "seq was not sent on this connection";
    this.fail(new GatewayError("INVALID_MESSAGE", problem), acknowledgementId(frame));
  }

  #readOn(): void {
    this.#paused = false;
    this.lastHeard = this.host.clock.monotonic();
    this.#connection?.resume();
  }

  #leave(): void {
    if (this.#state === "closed") return;
    const { admission } = this;
    this.#state = "closed";
    this.#outgoing = undefined;
    this.#entry = undefined;
    this.#intake?.abandon("the connection was closed");
    this.#feed?.close();
    this.#feed = undefined;
    if (admission === undefined) return;
    if (this.#intake !== undefined) this.host.registry.releaseMeter(admission);
    this.host.registry.leave(this, admission);
  }
}
