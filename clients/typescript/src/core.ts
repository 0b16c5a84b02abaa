import { Backoff } from "./backoff.ts";
import type { Connection, Effect, Identity, State } from "./effects.ts";
import { ClosedError, LtyError } from "./errors.ts";
import { type ConnectionStatus, type PushedFrame, type ServerFrame, STOP_CODES } from "./frames.ts";
import { Inbox } from "./inbox.ts";
import type { Place } from "./place.ts";
import { type Question, Questions } from "./questions.ts";

const GREETING_MS = 20_000;
const PONG_MS = 10_000;
const GLANCE_MS = 5_000;
const WORKING_MS = 10_000;
/** The server counts an attempt on a connection that stayed open for 5 s after the message was sent. */
const FAILED_MS = 6_000;
const DROPPED = 1006;

/**
 * The protocol without sockets, timers, storage or promises. Inputs take the time, monotonic milliseconds; what is to be
 * done then stands in `effects`, and when to call `tick` in `dueAt`.
 */
export class Core {
  state: State = { state: "idle" };
  readonly #backoff: Backoff;
  readonly #questions: Questions;
  readonly #inbox = new Inbox();
  #effects: Effect[] = [];
  #connection: Connection | null = null;
  #greetingBy = 0;
  #retryAt = 0;
  #notBefore = 0;
  #workingAt: number | null = null;
  #failedAt: number | null = null;

  /** `random` answers 0 to 1; `most` frames wait while there is no connection. */
  constructor(
    private readonly identity: Identity,
    readonly place: Place,
    random: () => number,
    most: number,
  ) {
    this.#backoff = new Backoff(random);
    this.#questions = new Questions(most);
  }

  /** Takes what is to be done. */
  effects(): Effect[] {
    return this.#effects.splice(0);
  }

  /** When `tick` is wanted, monotonic milliseconds; Infinity for never. */
  get dueAt(): number {
    const { state } = this.state;
    const due = [this.#questions.dueAt];
    if (state === "connecting") due.push(this.#greetingBy);
    if (state === "waiting") due.push(this.#retryAt);
    if (this.#failedAt !== null) due.push(this.#failedAt + FAILED_MS);
    if (this.#connection !== null) {
      const { pongBy, heardAt, heartbeatMs } = this.#connection;
      due.push(pongBy ?? heardAt + heartbeatMs);
      if (this.#workingAt !== null) due.push(this.#workingAt);
    }
    return Math.min(...due);
  }

  tick(now: number): void {
    const { state } = this.state;
    this.#questions.expire(now);
    if (this.#failedAt !== null && now >= this.#failedAt + FAILED_MS) this.#giveUp(now, 4100);
    else if (state === "connecting" && now >= this.#greetingBy) this.#giveUp(now, DROPPED);
    else if (state === "waiting" && now >= this.#retryAt) this.#open(now);
    const connection = this.#connection;
    if (connection === null) return;
    if (connection.pongBy !== null && now >= connection.pongBy) {
      this.#giveUp(now, DROPPED);
      return;
    }
    if (connection.pongBy === null && now >= connection.heardAt + connection.heartbeatMs) this.#ping(now, PONG_MS);
    if (this.#workingAt !== null && now >= this.#workingAt) {
      this.#workingAt = now + WORKING_MS;
      if (this.#inbox.isOwed) this.#say({ type: "ack", seq: connection.acked, working: true });
    }
  }

  start(now: number): void {
    if (this.state.state === "idle") this.#open(now);
  }

  /** Ends it for good. */
  stop(): void {
    if (this.state.state === "closed") return;
    const hadSocket = this.#connection !== null || this.state.state === "connecting";
    if (hadSocket) this.#effects.push({ do: "drop", code: 1000 });
    this.#close(null);
  }

  /** The socket is open; nobody listens on it yet. */
  opened(token: string): void {
    this.#say({ type: "auth", message: { token, ...this.identity, ...this.place.introduction } });
  }

  /** The socket, or the attempt to open one, has ended. */
  ended(now: number, code: number, reason: string): void {
    if (this.state.state === "closed") return;
    if (STOP_CODES.has(code)) {
      this.#close(new ClosedError(code, reason));
      return;
    }
    if (this.#connection !== null) this.#backoff.ended(now - this.#connection.since);
    this.#connection = null;
    this.#failedAt = null;
    this.#inbox.disconnected();
    const { delayMs, atLeastMs } = this.#backoff.next();
    this.#retryAt = now + delayMs;
    this.#notBefore = now + atLeastMs;
    this.#become({ state: "waiting", delayMs });
  }

  /** The network may be back, or the page visible again: do not wait for the next timer. */
  nudge(now: number): void {
    if (this.state.state === "waiting") this.#retryAt = Math.min(this.#retryAt, Math.max(now, this.#notBefore));
    else if (this.#connection !== null && this.#connection.pongBy === null) this.#ping(now, GLANCE_MS);
  }

  /** @throws LtyError when it cannot be asked: closed, too large, too many */
  ask(question: Question): void {
    if (this.state.state === "closed") throw this.#closedError();
    this.#questions.add(question, this.#connection !== null);
    if (this.#connection !== null) this.#effects.push({ do: "send", text: question.text });
  }

  /** Says something that nobody answers. @throws LtyError as `ask` */
  post(text: string): void {
    if (this.state.state === "closed") throw this.#closedError();
    this.#questions.post(text, this.#connection !== null);
    if (this.#connection !== null) this.#sendPosted();
  }

  forget(id: string): void {
    this.#questions.take(id);
  }

  /** Whether somebody would handle a message. */
  listen(now: number, isListening: boolean): void {
    this.#inbox.isListening = isListening;
    this.#pump(now);
  }

  /** The message that was delivered last was handled by everybody. */
  handled(now: number): void {
    const frame = this.#inbox.delivered;
    if (frame === null) return;
    if (frame.seq === undefined) {
      this.#inbox.done();
      this.#pump(now);
      return;
    }
    this.place.handled(frame.message_id, frame.seq, this.#inbox.epoch);
    this.#effects.push({ do: "save", isForMessage: true });
  }

  /** The place is in the storage. */
  saved(now: number): void {
    this.#inbox.done();
    this.#acknowledge();
    this.#pump(now);
  }

  /** A handler threw: the message comes again, on another connection. */
  failed(now: number, cause: unknown): void {
    const frame = this.#inbox.delivered;
    if (frame === null) return;
    const error = new LtyError("HANDLER_FAILED", `a handler of ${frame.type} ${frame.message_id} failed`, { cause });
    this.#effects.push({ do: "report", error });
    const comesAgain = frame.seq !== undefined && !this.#inbox.isStale;
    if (comesAgain) {
      this.#failedAt = now;
      this.#inbox.fail();
      return;
    }
    this.#inbox.done();
    this.#pump(now);
  }

  /** A loop was left with the message in its hands: it is delivered again to whoever listens next. */
  left(now: number): void {
    this.#inbox.putBack();
    this.#pump(now);
  }

  received(now: number, text: string): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch {
      return;
    }
    const connection = this.#connection;
    if (connection !== null) {
      connection.heardAt = now;
      connection.pongBy = null;
    }
    if (frame.type === "connection_status") this.#greet(now, frame as ConnectionStatus);
    else if (frame.type === "bye") this.#backoff.hint(Number(frame.retry_min_ms), Number(frame.retry_max_ms));
    else if (frame.type === "error") this.#complaint(frame);
    else if (frame.type === "reset") this.#reset(String(frame.epoch));
    else if (frame.type === "skip" && connection) connection.onWire = Math.max(connection.onWire, Number(frame.seq));
    const question = frame.id === undefined ? undefined : this.#questions.take(frame.id);
    if (question !== undefined) {
      if (frame.type === "error") question.reject(rejection(frame));
      else question.resolve(frame);
    } else if (typeof frame.message_id !== "string") this.#effects.push({ do: "observe", frame });
    else this.#arrived(now, frame as PushedFrame);
  }

  #open(now: number): void {
    this.#greetingBy = now + GREETING_MS;
    this.#become({ state: "connecting" });
    this.#effects.push({ do: "open" });
  }

  #greet(now: number, frame: ConnectionStatus): void {
    const { consumer = null, epoch = null, acked, heartbeat_ms: heartbeatMs = 30_000 } = frame;
    const place = acked ?? 0;
    this.#connection = {
      ...{ since: now, heartbeatMs, heardAt: now, pongBy: null, onWire: place, acked: place },
      isLive: consumer === null,
    };
    if (consumer !== null) this.place.enter(consumer, epoch);
    this.#workingAt = this.#inbox.isOwed ? now + WORKING_MS : null;
    this.#become({ state: "connected" });
    this.#sendPosted();
    for (const text of this.#questions.texts) this.#effects.push({ do: "send", text });
  }

  #sendPosted(): void {
    for (const text of this.#questions.takePosted()) this.#effects.push({ do: "send", text });
  }

  #arrived(now: number, frame: PushedFrame): void {
    const connection = this.#connection;
    if (frame.seq !== undefined && connection !== null) connection.onWire = Math.max(connection.onWire, frame.seq);
    if (!this.#inbox.add(frame, this.place.epoch)) {
      this.#effects.push({
        do: "report",
        error: new LtyError("OVERFLOW", "messages that are kept nowhere came faster than they were handled"),
      });
    }
    this.#pump(now);
  }

  /** Delivers the next message, if none is being handled. */
  #pump(now: number): void {
    const frame = this.#inbox.next();
    if (frame === null) {
      this.#workingAt = this.#inbox.isOwed ? (this.#workingAt ?? now + WORKING_MS) : null;
      return;
    }
    this.#workingAt = now + WORKING_MS;
    if (frame.seq !== undefined && this.place.has(frame.message_id)) this.handled(now);
    else this.#effects.push({ do: "deliver", frame });
  }

  #acknowledge(): void {
    const connection = this.#connection;
    if (connection === null || connection.isLive) return;
    const seq = Math.min(this.place.seq, connection.onWire);
    if (seq <= connection.acked) return;
    connection.acked = seq;
    this.#say({ type: "ack", seq });
  }

  #reset(epoch: string): void {
    this.place.reset(epoch);
    this.#effects.push({ do: "save", isForMessage: false });
  }

  #complaint(frame: ServerFrame): void {
    const retryMs = frame.retry_after_ms;
    if (typeof retryMs === "number") this.#backoff.hint(retryMs, retryMs * 1.5);
    if (frame.code === "MESSAGE_TOO_LARGE") this.#questions.takeLargest()?.reject(rejection(frame));
  }

  #ping(now: number, withinMs: number): void {
    if (this.#connection === null) return;
    this.#connection.pongBy = now + withinMs;
    this.#say({ type: "ping" });
  }

  #giveUp(now: number, code: number): void {
    this.#effects.push({ do: "drop", code });
    this.ended(now, DROPPED, "");
  }

  #close(error: ClosedError | null): void {
    this.#connection = null;
    this.#failedAt = null;
    this.#become({ state: "closed", error });
    this.#questions.rejectAll(this.#closedError());
  }

  #closedError(): Error {
    const { state } = this;
    return (state.state === "closed" ? state.error : null) ?? new LtyError("CLOSED", "the client was closed");
  }

  #say(frame: object): void {
    this.#effects.push({ do: "send", text: JSON.stringify(frame) });
  }

  #become(state: State): void {
    this.state = state;
    this.#effects.push({ do: "state", state });
  }
}

function rejection({ code, message }: ServerFrame): LtyError {
  return new LtyError(String(code), String(message));
}
