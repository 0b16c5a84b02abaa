import { Backoff } from "./backoff.ts";
import { Connection } from "./connection.ts";
import { type Effect, Effects, type Identity, type State } from "./effects.ts";
import { ClosedError, LtyError } from "./errors.ts";
import { type ConnectionStatus, type PushedFrame, type ServerFrame, STOP_CODES } from "./frames.ts";
import { Messages } from "./messages.ts";
import type { Place } from "./place.ts";
import { type Question, Questions } from "./questions.ts";
import { CONTROL, MOST_CHARS, readFrame, readName } from "./wire.ts";

const GREETING_MS = 20_000;
const DROPPED = 1006;
/** The client's own: it wants the message on another connection. */
const HANDLER_FAILED = 4100;
const UNAUTHENTICATED = 4001;

/** What a core is made of. */
export interface CoreOptions {
  readonly identity: Identity;
  readonly place: Place;
  /** Answers 0 to 1. */
  readonly random: () => number;
  /** So many frames wait while there is no connection. */
  readonly maxWaiting: number;
  /** Whether each attempt may have another token. */
  readonly renews: boolean;
}

/**
 * The protocol without sockets, timers, storage or promises. Inputs take the time, monotonic milliseconds; what is to be
 * done then stands in `effects`, and when to call `tick` in `dueAt`.
 */
export class Core {
  state: State = { state: "idle" };
  readonly place: Place;
  /** Those that came, on their way to whoever listens. */
  readonly messages: Messages;
  readonly #identity: Identity;
  readonly #renews: boolean;
  readonly #backoff: Backoff;
  readonly #questions: Questions;
  readonly #effects = new Effects();
  #connection: Connection | null = null;
  #token = "";
  /** The server would not have the token of the attempt before. */
  #refusal: ClosedError | null = null;
  #greetingBy = 0;
  #retryAt = 0;
  #notBefore = 0;

  constructor({ identity, place, random, maxWaiting, renews }: CoreOptions) {
    this.place = place;
    this.messages = new Messages(place, this.#effects);
    this.#identity = identity;
    this.#renews = renews;
    this.#backoff = new Backoff(random);
    this.#questions = new Questions(maxWaiting);
  }

  /** Takes what is to be done. */
  effects(): Effect[] {
    return this.#effects.take();
  }

  /** When `tick` is wanted, monotonic milliseconds; Infinity for never. */
  get dueAt(): number {
    const { state } = this.state;
    const due = [this.#questions.dueAt, this.messages.dueAt];
    if (state === "connecting") due.push(this.#greetingBy);
    if (state === "waiting") due.push(this.#retryAt);
    if (this.#connection !== null) due.push(this.#connection.dueAt);
    return Math.min(...due);
  }

  tick(now: number): void {
    const { state } = this.state;
    this.#questions.expire(now);
    if (this.messages.hasFailed(now)) this.#giveUp(now, HANDLER_FAILED);
    else if (state === "connecting" && now >= this.#greetingBy) this.#giveUp(now, DROPPED);
    else if (state === "waiting" && now >= this.#retryAt) this.#open(now);
    const connection = this.#connection;
    if (connection === null) return;
    if (connection.isDead(now)) {
      this.#giveUp(now, DROPPED);
      return;
    }
    if (connection.asks(now)) this.#effects.say({ type: "ping" });
    this.messages.tick(now);
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

  /** The token of this attempt. The one that the server has just refused ends it: there is no other. */
  authorize(token: string): void {
    if (this.#refusal !== null && token === this.#token) this.#close(this.#refusal);
    this.#token = token;
  }

  /** The socket is open; nobody listens on it yet. */
  opened(): void {
    this.#effects.say({ type: "auth", message: { token: this.#token, ...this.#identity, ...this.place.introduction } });
  }

  /** The socket, or the attempt to open one, has ended. */
  ended(now: number, code: number, reason: string): void {
    if (this.state.state === "closed") return;
    if (STOP_CODES.has(code)) {
      const error = new ClosedError(code, reason);
      const isWorthAnother = code === UNAUTHENTICATED && this.#renews && this.#refusal === null;
      if (!isWorthAnother) {
        this.#close(error);
        return;
      }
      this.#refusal = error;
    }
    if (this.#connection !== null) this.#backoff.ended(now - this.#connection.since);
    this.#connection = null;
    this.messages.disconnected();
    const { delayMs, atLeastMs } = this.#backoff.next();
    this.#retryAt = now + delayMs;
    this.#notBefore = now + atLeastMs;
    this.#become({ state: "waiting", delayMs });
  }

  /** The network may be back, or the page visible again: do not wait for the next timer. */
  nudge(now: number): void {
    if (this.state.state === "waiting") this.#retryAt = Math.min(this.#retryAt, Math.max(now, this.#notBefore));
    else if (this.#connection?.glances(now)) this.#effects.say({ type: "ping" });
  }

  /** @throws LtyError when it cannot be asked: closed, too large, too many, its id in use */
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

  received(now: number, text: string): void {
    if (text.length > MOST_CHARS) {
      this.#giveUp(now, DROPPED);
      return;
    }
    const frame = readFrame(text);
    if (frame === null) return;
    if (this.#connection !== null) this.#connection.heard(now);
    else if (frame.type === "connection_status") this.#greet(now, frame as ConnectionStatus);
    else if (frame.type !== "error" && frame.type !== "bye") return;

    if (frame.type === "bye") this.#backoff.hint(frame.retry_min_ms, frame.retry_max_ms);
    else if (frame.type === "error") this.#complaint(frame);
    else if (frame.type === "reset") this.#reset(readName(frame.epoch));
    else if (frame.type === "skip") this.#connection?.showed(frame.seq);
    const question = frame.id === undefined ? undefined : this.#questions.take(frame.id);
    if (question !== undefined) {
      if (frame.type === "error") question.reject(rejection(frame));
      else question.resolve(frame);
    } else if (CONTROL.has(frame.type) || readName(frame.message_id) === null)
      this.#effects.push({ do: "observe", frame });
    else if (!this.messages.arrived(now, frame as PushedFrame)) this.#giveUp(now, DROPPED);
  }

  #open(now: number): void {
    this.#greetingBy = now + GREETING_MS;
    this.#become({ state: "connecting" });
    this.#effects.push({ do: "open" });
  }

  #greet(now: number, frame: ConnectionStatus): void {
    const connection = new Connection(now, frame);
    this.#connection = connection;
    this.#refusal = null;
    if (connection.consumer !== null) this.place.enter(connection.consumer, connection.epoch);
    this.messages.connected(now, connection);
    this.#become({ state: "connected" });
    this.#sendPosted();
    for (const text of this.#questions.texts) this.#effects.push({ do: "send", text });
  }

  #sendPosted(): void {
    for (const text of this.#questions.takePosted()) this.#effects.push({ do: "send", text });
  }

  #reset(epoch: string | null): void {
    this.place.reset(epoch);
    this.#effects.push({ do: "save", isForMessage: false });
  }

  #complaint(frame: ServerFrame): void {
    this.#backoff.hint(frame.retry_after_ms);
    if (frame.code === "MESSAGE_TOO_LARGE") this.#questions.takeLargest()?.reject(rejection(frame));
  }

  #giveUp(now: number, code: number): void {
    this.#effects.push({ do: "drop", code });
    this.ended(now, DROPPED, "");
  }

  #close(error: ClosedError | null): void {
    this.#connection = null;
    this.messages.disconnected();
    this.#become({ state: "closed", error });
    this.#questions.rejectAll(this.#closedError());
  }

  #closedError(): Error {
    const { state } = this;
    return (state.state === "closed" ? state.error : null) ?? new LtyError("CLOSED", "the client was closed");
  }

  #become(state: State): void {
    this.state = state;
    this.#effects.push({ do: "state", state });
  }
}

function rejection({ code, message }: ServerFrame): LtyError {
  return new LtyError(String(code), String(message));
}
