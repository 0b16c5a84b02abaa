import { LtyClient } from "./client.ts";
import { systemClock } from "./clock.ts";
import type { State } from "./effects.ts";
import { Emitter, throwLater } from "./emitter.ts";
import { type ClientErrorCode, LtyError } from "./errors.ts";
import type { PushedFrame, Requests, ServerFrame } from "./frames.ts";
import type { Handler } from "./listeners.ts";
import { withResolvers } from "./loop.ts";
import type { LtyClientOptions, RequestArgs, RequestOptions } from "./options.ts";
import { TabInbox } from "./tab-inbox.ts";
import { type Channel, errorOf, type Failure, failureOf, type Note, type Platform } from "./tab-notes.ts";
import { TabAnswers, TabRequests } from "./tab-requests.ts";

/**
 * One connection for all tabs of an origin: one tab holds it, by a Web Lock, and tells the others by a BroadcastChannel;
 * when it is closed, another takes over from where it stood. Every tab handles every message once while it is open, one
 * after another. It is acknowledged when the handlers and loops of the tab that holds the connection have handled it; what
 * a handler of another tab throws is that tab's affair. Where the browser has no locks or channels, each tab has a
 * connection of its own.
 *
 * @example
 * const tab = new SharedClient({ url, getToken, role: "app", clientId: "web", storage: localStorage });
 * tab.on("notice", ({ message }) => show(message));
 * tab.connect();
 */
export class SharedClient {
  readonly #options: LtyClientOptions;
  readonly #name: string;
  readonly #inbox = new TabInbox();
  readonly #requests: TabRequests;
  readonly #states = new Emitter<State["state"]>((cause) =>
    this.#report("HANDLER_FAILED", "a listener of the state failed", cause),
  );
  readonly #errors = new Emitter<LtyError>(throwLater);
  readonly #leaving = new AbortController();
  readonly #isLeft = withResolvers<void>();
  #channel: Channel | undefined;
  #client: LtyClient | undefined;
  #answers: TabAnswers | undefined;
  #state: State["state"] = "idle";
  #end: Error | null = null;

  /** Tabs share by `url`, role, device and `clientId`; all must be given the same. */
  constructor(options: LtyClientOptions) {
    this.#options = options;
    const { url, role, device, clientId, clock = systemClock } = options;
    this.#name = `lty:${url}:${role ?? ""}:${device ?? ""}:${clientId ?? ""}`;
    this.#requests = new TabRequests(clock, (note) => this.#toHolder(note));
  }

  /** Whether this tab holds the connection. */
  get isHolder(): boolean {
    return this.#client !== undefined;
  }

  /** What the connection is doing, whichever tab holds it. */
  get state(): State["state"] {
    return this.#state;
  }

  /** Takes part, until `close`. */
  connect(): void {
    const { BroadcastChannel, navigator } = globalThis as Platform;
    if (BroadcastChannel === undefined || navigator?.locks === undefined) {
      this.#hold();
      return;
    }
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#told(data);
    this.#channel.postMessage({ kind: "who" });
    const { signal } = this.#leaving;
    const held = () => {
      this.#hold();
      return this.#isLeft.promise;
    };
    // It is rejected when this tab leaves before its turn has come.
    navigator.locks.request(this.#name, { signal }, held).catch(() => {});
  }

  /**
   * Leaves: another tab takes over, if this one held the connection, and asks what this one was asking for the others.
   * Requests of this tab are rejected with the code `CLOSED`; its loops end.
   */
  async close(): Promise<void> {
    this.#leaving.abort();
    this.#answers?.end();
    this.#requests.rejectAll(closed());
    this.#inbox.listeners.endLoops(null);
    await this.#client?.close();
    this.#isLeft.resolve();
    this.#channel?.close();
    this.#become("closed");
  }

  /** Calls `handler` with every message of that type, `*` for all. Answers what removes it. */
  on(type: string, handler: Handler<PushedFrame>): () => void {
    return this.#inbox.listeners.on(type, handler as Handler);
  }

  /**
   * Every message of this tab, one after another: each counts as handled when the loop asks for the next. The one that a
   * loop was left with waits for the tab's next loop, and with it, in the tab that holds the connection, all behind it.
   */
  messages(): AsyncIterableIterator<PushedFrame, undefined> {
    const loop = this.#inbox.listeners.loop();
    if (this.#state === "closed") loop.end(this.#end);
    return loop;
  }

  /** Says that the message a loop has in its hands was handled, for a loop that is left after it. */
  handled(message: PushedFrame): void {
    this.#inbox.listeners.handled(message);
  }

  /** Calls `listener` at each change. Answers what removes it. */
  onState(listener: (state: State["state"]) => void): () => void {
    return this.#states.add(listener);
  }

  /** Calls `listener` with every error of this tab, and of the connection where this tab holds it, that nobody waits for. Answers what removes it. */
  onError(listener: (error: LtyError) => void): () => void {
    return this.#errors.add(listener);
  }

  /**
   * As `LtyClient.request`, over whichever tab holds the connection. When that is closed, the next one asks again, under
   * the same id: a named app (`clientId`) is answered once. @throws LtyError, ClosedError, the signal's reason
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
  async request(type: string, message?: unknown, options: RequestOptions = {}): Promise<ServerFrame> {
    if (this.#leaving.signal.aborted) throw closed();
    return this.#requests.ask(type, message, options);
  }

  /** This tab's turn has come. */
  #hold(): void {
    if (this.#leaving.signal.aborted) return;
    const client = new LtyClient(this.#options);
    this.#client = client;
    this.#answers = new TabAnswers(client, (answer) => this.#requests.settle(answer) || this.#tell(answer));
    client.on("*", async (frame) => {
      if (this.#inbox.has(frame)) return;
      this.#tell({ kind: "message", frame });
      await this.#inbox.take(frame);
    });
    client.onState((state) => {
      const failure = state.state === "closed" && state.error !== null ? failureOf(state.error) : undefined;
      this.#become(state.state, failure);
      this.#tellState(failure);
    });
    client.onError((error) => this.#errors.tell(error));
    // What ended it is a state.
    client.connect().catch(() => {});
    this.#requests.askAgain();
  }

  #told(note: Note): void {
    if (note.kind === "answer") this.#requests.settle(note);
    else if (note.kind === "state") {
      // Another tab has taken over, perhaps: what was asked of the one before is asked of it.
      if (note.state === "connecting") this.#requests.askAgain();
      this.#become(note.state, note.failure);
    } else if (note.kind === "message") {
      this.#inbox.take(note.frame).catch((cause) => {
        this.#report("HANDLER_FAILED", `${note.frame.type} ${note.frame.message_id} was not handled here`, cause);
      });
    } else if (note.kind !== "who") this.#answer(note);
    else if (this.#client !== undefined) this.#tellState(this.#end === null ? undefined : failureOf(this.#end));
  }

  /** To this tab, if it holds the connection, or to whichever does. */
  #toHolder(note: Note): void {
    if (this.#client === undefined) this.#tell(note);
    else this.#answer(note);
  }

  #answer(note: Note): void {
    if (note.kind === "ask") void this.#answers?.ask(note);
    else if (note.kind === "forget") this.#answers?.forget(note.id);
  }

  #tellState(failure: Failure | undefined): void {
    // That this tab leaves is not how the connection is: another goes on.
    if (this.#leaving.signal.aborted) return;
    this.#tell({ kind: "state", state: this.#state, ...(failure !== undefined && { failure }) });
  }

  #tell(note: Note): void {
    this.#channel?.postMessage(note);
  }

  #become(state: State["state"], failure?: Failure): void {
    if (this.#state === state) return;
    this.#state = state;
    if (failure !== undefined) {
      this.#end = errorOf(failure);
      this.#inbox.listeners.endLoops(this.#end);
    }
    this.#states.tell(state);
  }

  #report(code: ClientErrorCode, message: string, cause: unknown): void {
    this.#errors.tell(new LtyError(code, message, { cause }));
  }
}

function closed(): LtyError {
  return new LtyError("CLOSED", "the client was closed");
}
