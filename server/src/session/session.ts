import { Close, type CloseReason, type GatewayError } from "@qy-lty/protocol";
import type { Admission } from "../auth/admission.ts";
import type { Work } from "../dispatch/dispatcher.ts";
import { encodeError } from "../dispatch/encode.ts";
import { Meter } from "../dispatch/limits.ts";
import { newId } from "../platform/ids.ts";
import type { Connection, ConnectionHandler } from "../transport/transport.ts";
import type { Heart } from "./heartbeat.ts";
import type { Inbox } from "./inbox.ts";
import type { SessionHost } from "./session-host.ts";

/** Most bytes that may wait for a slow peer before it is closed (4011). */
export const MAX_BUFFERED_BYTES = 1024 * 1024;

type State = "opening" | "open" | "closed";

/** One connection, from its upgrade to its end: who it is, what it is working on, what waits for it. */
export class Session implements ConnectionHandler, Heart {
  readonly id = newId();
  readonly connectedAt: number;
  /** Monotonic ms of the last inbound frame or pong. */
  lastHeard: number;
  /** The rate of this connection alone. */
  readonly meter = new Meter();
  /** The rate of its principal, shared with its other connections and requests. */
  principalMeter: Meter | undefined;
  /** Set once it was let in. */
  admission: Admission | undefined;
  /** The frame that is being worked on, when that takes more than one turn. */
  current: { abort(reason: string): void } | undefined;
  inbox: Inbox<Work> | undefined;

  #state: State = "opening";
  #connection: Connection | undefined;
  #heartSlot = 0;
  #paused = false;
  /** Pushed frames that leave together at the end of this turn. */
  #outgoing: string | string[] | undefined;
  #admit: ((session: Session) => void) | undefined;

  /** `admit` is run once the socket is open; it ends in `letIn` or `refuse`, at once or later. */
  constructor(
    private readonly host: SessionHost,
    readonly remote: string,
    admit: (session: Session) => void,
  ) {
    this.connectedAt = host.clock.now();
    this.lastHeard = host.clock.monotonic();
    this.#admit = admit;
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

  /** Joins, says `connection_status` first, then reads on. */
  letIn(admission: Admission, held: boolean): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.admission = admission;
    this.host.registry.add(this, admission);
    this.send(this.host.greeting(this, admission));
    if (held) this.#readOn();
  }

  /** Says why, and closes; nothing was joined. */
  refuse(error: GatewayError): void {
    if (this.#state !== "opening") return;
    this.host.events.connectionRefused(this.remote, error.code);
    this.#connection?.send(encodeError(error, this.host.clock.iso(), undefined));
    this.close(error.row.close ?? Close.internalError);
  }

  /** Sends a frame now. */
  send(frame: string): void {
    if (this.#state === "closed" || this.#connection === undefined) return;
    if (this.#connection.send(frame) > MAX_BUFFERED_BYTES) this.close(Close.slowConsumer);
  }

  /** Sends a pushed frame at the end of this turn, in one write with the others that come by then. */
  push(frame: string): void {
    if (this.#state !== "open") return;
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
    if (typeof outgoing === "string") this.send(outgoing);
    else {
      this.#connection?.cork(() => {
        for (const frame of outgoing) this.send(frame);
      });
    }
  }

  /** Answers a frame with an error; codes that end the connection do. */
  fail(error: GatewayError, id: string | undefined, requestId?: string): void {
    this.send(encodeError(error, this.host.clock.iso(), id, requestId));
    if (error.row.close !== undefined) this.close(error.row.close);
  }

  /** Leaves every topic at once, then closes the socket. A peer that does not answer the close is ended by the heartbeat. */
  close(reason: CloseReason): void {
    if (this.#state === "closed") return;
    this.#leave();
    this.#connection?.resume();
    this.#connection?.close(reason.code, reason.reason);
  }

  /** Stops reading while too much waits, reads on once there is room. */
  regulate(): void {
    const inbox = this.inbox;
    if (inbox === undefined || this.#connection === undefined) return;
    if (!this.#paused && inbox.full) {
      this.#paused = true;
      this.#connection.pause();
    } else if (this.#paused && inbox.hasRoom) this.#readOn();
  }

  opened(connection: Connection): void {
    this.#connection = connection;
    this.#heartSlot = this.host.heartbeats.add(this);
    const admit = this.#admit;
    this.#admit = undefined;
    admit?.(this);
  }

  text(frame: string): void {
    this.lastHeard = this.host.clock.monotonic();
    if (this.#state === "open") this.host.dispatcher.receive(this, frame, this.lastHeard);
  }

  binary(): void {
    this.lastHeard = this.host.clock.monotonic();
    if (this.#state === "open") this.host.dispatcher.receiveBinary(this, this.lastHeard);
  }

  ponged(): void {
    this.lastHeard = this.host.clock.monotonic();
  }

  drained(): void {}

  closed(code: number): void {
    this.#leave();
    this.host.heartbeats.remove(this, this.#heartSlot);
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
    this.inbox = undefined;
    this.current?.abort("the connection was closed");
    this.current = undefined;
    if (admission !== undefined) this.host.registry.leave(this, admission);
  }
}
