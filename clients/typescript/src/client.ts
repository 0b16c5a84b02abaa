import { type Clock, systemClock, type Timer } from "./clock.ts";
import { Core } from "./core.ts";
import type { Effect, State } from "./effects.ts";
import { Emitter, throwLater } from "./emitter.ts";
import { type ClientErrorCode, LtyError } from "./errors.ts";
import type { ConnectionStatus, Frames, PushedFrame, Requests, ServerFrame } from "./frames.ts";
import { uniquePrefix } from "./ids.ts";
import { type Handler, Listeners } from "./listeners.ts";
import { withResolvers } from "./loop.ts";
import type { LtyClientOptions, RequestArgs, RequestOptions } from "./options.ts";
import { watchPage } from "./page.ts";
import { checkSize } from "./questions.ts";
import { endpoint, Socket, type SocketClass } from "./socket.ts";
import { Store } from "./store.ts";

/** How long a request may take unless its caller says. */
export const REQUEST_MS = 30_000;
const MOST_WAITING = 100;
/** States of a client that has not begun: always the same objects, as who compares them needs. */
const IDLE: State = { state: "idle" };
const CLOSED: State = { state: "closed", error: null };

/**
 * A connection to the gateway that comes back by itself: every message of the log is handled once, in order, and
 * acknowledged when it was handled.
 *
 * @example
 * const client = new LtyClient({ url: "http://127.0.0.1:8000", token });
 * client.on("notice", async ({ message }) => show(message));
 * await client.connect();
 * const { data } = await client.request("weather", { city: "上海" });
 */
export class LtyClient {
  readonly #options: LtyClientOptions;
  readonly #url: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #WebSocket: SocketClass;
  readonly #store: Store;
  readonly #listeners: Listeners;
  readonly #states: Emitter<State>;
  readonly #errors = new Emitter<LtyError>(throwLater);
  #core: Core | undefined;
  #socket: Socket | undefined;
  #timer: Timer | undefined;
  #greeted = withResolvers<ConnectionStatus>();
  #starting: Promise<void> | undefined;
  #isClosed = false;
  #attempt = 0;
  #asked = 0;
  readonly #prefix = uniquePrefix();
  #loading: Promise<void> | undefined;
  #unwatch = () => {};

  /** @throws TypeError when the URL is none, or there is no WebSocket class */
  constructor(options: LtyClientOptions) {
    const { url, clock = systemClock, random = Math.random } = options;
    const WebSocket = options.WebSocket ?? (globalThis.WebSocket as SocketClass | undefined);
    if (WebSocket === undefined) throw new TypeError("no WebSocket here: pass a class, new LtyClient({ WebSocket })");
    if (options.token === undefined && options.getToken === undefined)
      throw new TypeError("token or getToken is needed");
    this.#options = options;
    this.#url = endpoint(url);
    this.#clock = clock;
    this.#random = random;
    this.#WebSocket = WebSocket;
    this.#store = new Store(options, new URL(this.#url).host, (message, cause) =>
      this.#report("STORAGE_FAILED", message, cause),
    );
    this.#states = new Emitter((cause) => this.#report("HANDLER_FAILED", "a listener of the state failed", cause));
    this.#listeners = new Listeners(() => this.#run((core) => this.#listen(core)));
    this.#greeted.promise.catch(() => {});
  }

  /** What it is doing. */
  get state(): State {
    return this.#core?.state ?? (this.#isClosed ? CLOSED : IDLE);
  }

  /** Begins to connect, and goes on for ever. Resolves at the first `connection_status`. @throws ClosedError where trying again would not help; LtyError after `close` */
  async connect(): Promise<ConnectionStatus> {
    this.#starting ??= this.#start();
    await this.#starting;
    return this.#greeted.promise;
  }

  /** Ends it for good: requests are rejected with the code `CLOSED`, loops end. Handlers that run are not interrupted. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#starting;
    this.#run((core) => core.stop());
    this.#greeted.reject(new LtyError("CLOSED", "the client was closed"));
    this.#listeners.endLoops(null);
  }

  /**
   * Asks, and resolves to the reply. Waits for a connection where there is none; is asked again, under the same id, where
   * one breaks. @throws LtyError with the error frame's `code`, or `TIMEOUT`, `OUTBOX_FULL`, `MESSAGE_TOO_LARGE`, `CLOSED`;
   * ClosedError; the signal's reason
   */
  request<Type extends keyof Requests>(
    type: Type,
    ...args: RequestArgs<Requests[Type]["message"]>
  ): Promise<Requests[Type]["reply"]>;
  request<Type extends string>(
    type: Exclude<Type, keyof Requests>,
    message?: unknown,
    options?: RequestOptions,
  ): Promise<ServerFrame>;
  async request(
    type: string,
    message?: unknown,
    { timeoutMs = REQUEST_MS, signal, id = `${this.#prefix}-${++this.#asked}` }: RequestOptions = {},
  ): Promise<ServerFrame> {
    signal?.throwIfAborted();
    const text = JSON.stringify({ type, message, id });
    const { promise, resolve, reject } = withResolvers<ServerFrame>();
    const giveUp = () => {
      this.#run((core) => core.forget(id));
      reject(signal?.reason);
    };
    await this.#loaded();
    this.#run((core, now) => core.ask({ id, text, dueAt: now + timeoutMs, resolve, reject }));
    signal?.addEventListener("abort", giveUp);
    if (signal?.aborted) giveUp();
    return promise.finally(() => signal?.removeEventListener("abort", giveUp));
  }

  /** Says something whose answer, if there is one, goes to the handlers of its type. Waits while there is no connection. @throws LtyError `OUTBOX_FULL`, `MESSAGE_TOO_LARGE`, `CLOSED` */
  send(type: string, message?: unknown): void {
    const text = JSON.stringify({ type, message });
    checkSize(text);
    if (this.#core === undefined) {
      if (this.#isClosed) throw new LtyError("CLOSED", "the client was closed");
      void this.#loaded().then(() => this.#run((core) => core.post(text)));
    } else this.#run((core) => core.post(text));
  }

  /**
   * Calls `handler` with every message of that type, `*` for all; also with the frames of the connection itself, such as
   * `reset`. A message is acknowledged when what its handlers return has resolved; when one throws, the connection is ended
   * and the message comes again for that handler. Answers what removes the handler.
   */
  on<Type extends keyof Frames>(type: Type, handler: Handler<Frames[Type]>): () => void;
  on(type: string, handler: Handler<PushedFrame>): () => void;
  on(type: string, handler: Handler<never>): () => void {
    return this.#listeners.on(type, handler as Handler);
  }

  /** Every message, one after another: each is acknowledged when the loop asks for the next. @see MessageLoop */
  messages(): AsyncIterableIterator<PushedFrame, undefined> {
    const loop = this.#listeners.loop();
    const { state } = this;
    if (state.state === "closed") loop.end(state.error);
    return loop;
  }

  /** Does not wait: tries to connect at once, where the server allows it, or looks whether the connection lives. */
  nudge(): void {
    this.#run((core, now) => core.nudge(now));
  }

  /** Says that the message a loop has in its hands was handled, for a loop that is left after it. */
  handled(message: PushedFrame): void {
    this.#listeners.handled(message);
  }

  /** Calls `listener` at each change. Answers what removes it. */
  onState(listener: (state: State) => void): () => void {
    return this.#states.add(listener);
  }

  /** Calls `listener` with every error that nobody waits for. Answers what removes it. */
  onError(listener: (error: LtyError) => void): () => void {
    return this.#errors.add(listener);
  }

  #loaded(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { role, device, clientId, caps, maxWaiting = MOST_WAITING, getToken } = this.#options;
    const core = new Core({
      identity: { role, device, client_id: clientId, caps: caps?.join(",") },
      place: await this.#store.load(),
      random: this.#random,
      maxWaiting,
      renews: getToken !== undefined,
    });
    this.#listen(core);
    this.#core = core;
  }

  #listen({ messages }: Core): void {
    messages.listen(this.#clock.monotonic(), (frame) => this.#listeners.wants(frame));
  }

  async #start(): Promise<void> {
    await this.#loaded();
    if (this.#isClosed) return;
    this.#unwatch = watchPage(() => this.nudge());
    this.#run((core, now) => core.start(now));
  }

  /** Gives the core an input, does what it asks for, and sets the timer anew. */
  #run(input: (core: Core, now: number) => void): void {
    const core = this.#core;
    if (core === undefined) return;
    input(core, this.#clock.monotonic());
    for (const effect of core.effects()) this.#do(effect, core);
    this.#timer?.stop();
    const { dueAt } = core;
    if (dueAt === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.monotonic()), () =>
      this.#run((core, now) => core.tick(now)),
    );
  }

  #do(effect: Effect, core: Core): void {
    if (effect.do === "send") this.#socket?.send(effect.text);
    else if (effect.do === "deliver") void this.#deliver(effect.frame);
    else if (effect.do === "save") void this.#save(core, effect.isForMessage);
    else if (effect.do === "open") void this.#open();
    else if (effect.do === "observe") this.#observe(effect.frame);
    else if (effect.do === "state") this.#changed(effect.state);
    else if (effect.do === "report") this.#errors.tell(effect.error);
    else {
      this.#attempt += 1;
      this.#socket?.drop(effect.code);
      this.#socket = undefined;
    }
  }

  async #open(): Promise<void> {
    const attempt = ++this.#attempt;
    const isCurrent = () => attempt === this.#attempt;
    try {
      const { token, getToken } = this.#options;
      const credential = getToken === undefined ? (token ?? "") : await getToken();
      if (isCurrent()) this.#run((core) => core.authorize(credential));
      if (!isCurrent() || this.state.state !== "connecting") return;
      this.#socket = new Socket(this.#url, this.#WebSocket, {
        opened: () => this.#run((core) => core.opened()),
        received: (text) => this.#run((core, now) => core.received(now, text)),
        ended: (code, reason) => {
          this.#socket = undefined;
          this.#run((core, now) => core.ended(now, code, reason));
        },
      });
    } catch (cause) {
      if (!isCurrent()) return;
      this.#report("TOKEN_FAILED", "no token, or no socket", cause);
      this.#run((core, now) => core.ended(now, 1006, ""));
    }
  }

  async #deliver(frame: PushedFrame): Promise<void> {
    const result = await this.#listeners.deliver(frame);
    this.#run(({ messages }, now) => {
      if (result.outcome === "failed") messages.failed(now, result.cause);
      else if (result.outcome === "left") messages.left(now);
      else messages.handled(now);
    });
  }

  async #save({ place }: Core, isForMessage: boolean): Promise<void> {
    const writing = this.#store.save(place);
    if (writing !== undefined) await writing;
    if (isForMessage) this.#run((core, now) => core.messages.saved(now));
  }

  #observe(frame: ServerFrame): void {
    if (frame.type === "connection_status") this.#greeted.resolve(frame as ConnectionStatus);
    this.#listeners.observe(frame, (cause) =>
      this.#report("HANDLER_FAILED", `a handler of ${frame.type} failed`, cause),
    );
  }

  #changed(state: State): void {
    this.#states.tell(state);
    if (state.state !== "closed") return;
    this.#unwatch();
    if (state.error !== null) this.#greeted.reject(state.error);
    this.#listeners.endLoops(state.error);
  }

  #report(code: ClientErrorCode, message: string, cause: unknown): void {
    this.#errors.tell(new LtyError(code, message, { cause }));
  }
}
