import { LtyClient } from "./client.ts";
import type { State } from "./effects.ts";
import { LtyError } from "./errors.ts";
import type { PushedFrame, ServerFrame } from "./frames.ts";
import type { Handler } from "./listeners.ts";
import { withResolvers } from "./loop.ts";
import type { LtyClientOptions } from "./options.ts";

/** What tabs say to each other. */
type Note =
  | { readonly kind: "message"; readonly frame: PushedFrame }
  | { readonly kind: "state"; readonly state: State["state"] }
  | { readonly kind: "who" }
  | { readonly kind: "ask"; readonly id: string; readonly type: string; readonly message: unknown }
  | {
      readonly kind: "answer";
      readonly id: string;
      readonly frame?: ServerFrame;
      readonly error?: { readonly code: string; readonly message: string };
    };

interface ChannelLike {
  onmessage: ((event: { readonly data: Note }) => void) | null;
  postMessage(note: Note): void;
  close(): void;
}

interface Locks {
  request(name: string, options: { readonly signal: AbortSignal }, held: () => Promise<void>): Promise<void>;
}

interface Platform {
  readonly BroadcastChannel?: new (name: string) => ChannelLike;
  readonly navigator?: { readonly locks?: Locks };
}

interface Question {
  readonly note: Note & { readonly kind: "ask" };
  resolve(frame: ServerFrame): void;
  reject(error: Error): void;
}

/** How many ids a tab remembers of what it handled. */
const REMEMBERED = 256;
const MOST_ASKED = 100;

/**
 * One connection for all tabs of an origin: one tab holds it, by a Web Lock, and tells the others by a BroadcastChannel;
 * when it is closed, another takes over from where it stood. Every tab handles every message once while it is open. It is
 * acknowledged when the handlers of the tab that holds the connection have handled it; what a handler of another tab throws
 * is that tab's affair. Where the browser has no locks or
 * channels, each tab has a connection of its own.
 *
 * @example
 * const tab = new SharedClient({ url, getToken, role: "app", clientId: "web", storage: localStorage });
 * tab.on("notice", ({ message }) => show(message));
 * tab.connect();
 */
export class SharedClient {
  readonly #options: LtyClientOptions;
  readonly #name: string;
  readonly #handlers = new Map<string, Set<Handler<PushedFrame>>>();
  readonly #states = new Set<(state: State["state"]) => void>();
  readonly #asked = new Map<string, Question>();
  readonly #seen = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #leaving = new AbortController();
  readonly #isLeft = withResolvers<void>();
  #channel: ChannelLike | undefined;
  #client: LtyClient | undefined;
  #state: State["state"] = "idle";

  /** Tabs share by `url`, role, device and `clientId`; all must be given the same. */
  constructor(options: LtyClientOptions) {
    this.#options = options;
    const { url, role, device, clientId } = options;
    this.#name = `lty:${url}:${role ?? ""}:${device ?? ""}:${clientId ?? ""}`;
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

  /** Leaves: another tab takes over, if this one held the connection. Requests of this tab are rejected with the code `CLOSED`. */
  async close(): Promise<void> {
    this.#leaving.abort();
    for (const { reject } of this.#asked.values()) reject(new LtyError("CLOSED", "the client was closed"));
    this.#asked.clear();
    await this.#client?.close();
    this.#isLeft.resolve();
    this.#channel?.close();
    this.#become("closed");
  }

  /** Calls `handler` with every message of that type, `*` for all. Answers what removes it. */
  on(type: string, handler: Handler<PushedFrame>): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /** Calls `listener` at each change. Answers what removes it. */
  onState(listener: (state: State["state"]) => void): () => void {
    this.#states.add(listener);
    return () => void this.#states.delete(listener);
  }

  /** As `LtyClient.request`, over whichever tab holds the connection; asked again when another takes over. */
  request(type: string, message?: unknown): Promise<ServerFrame> {
    if (this.#leaving.signal.aborted) return Promise.reject(new LtyError("CLOSED", "the client was closed"));
    if (this.#asked.size >= MOST_ASKED) return Promise.reject(new LtyError("OUTBOX_FULL", "too many requests wait"));
    const { promise, resolve, reject } = withResolvers<ServerFrame>();
    const note = { kind: "ask", id: crypto.randomUUID(), type, message } as const;
    this.#asked.set(note.id, { note, resolve, reject });
    this.#ask(note);
    return promise;
  }

  #ask(note: Note & { readonly kind: "ask" }): void {
    if (this.#client !== undefined) void this.#answer(note);
    else this.#channel?.postMessage(note);
  }

  /** This tab's turn has come. */
  #hold(): void {
    if (this.#leaving.signal.aborted) return;
    const client = new LtyClient(this.#options);
    this.#client = client;
    client.on("*", async (frame) => {
      if (this.#seen.has(frame.message_id)) return;
      this.#channel?.postMessage({ kind: "message", frame });
      await this.#handle(frame);
    });
    client.onState(({ state }) => {
      this.#become(state);
      this.#channel?.postMessage({ kind: "state", state });
    });
    // What ended it is a state.
    client.connect().catch(() => {});
    for (const { note } of this.#asked.values()) this.#ask(note);
  }

  #told(note: Note): void {
    if (note.kind === "answer") this.#settle(note);
    else if (note.kind === "message") void this.#handle(note.frame).catch(() => {});
    else if (note.kind === "state") {
      // Another tab has taken over, perhaps: what was asked of the one before is asked again.
      if (note.state === "connecting") for (const { note: asked } of this.#asked.values()) this.#ask(asked);
      this.#become(note.state);
    } else if (this.#client === undefined) return;
    else if (note.kind === "ask") void this.#answer(note);
    else this.#channel?.postMessage({ kind: "state", state: this.#state });
  }

  /** Asks for this or another tab. */
  async #answer({ id, type, message }: Note & { readonly kind: "ask" }): Promise<void> {
    let answer: Note & { readonly kind: "answer" };
    try {
      const frame = await this.#client?.request(type, message);
      answer = { kind: "answer", id, ...(frame !== undefined && { frame }) };
    } catch (error) {
      const { code = "CLOSED", message: text } = error as Error & { readonly code?: string };
      answer = { kind: "answer", id, error: { code: String(code), message: text } };
    }
    if (this.#asked.has(id)) this.#settle(answer);
    else this.#channel?.postMessage(answer);
  }

  #settle({ id, frame, error }: Note & { readonly kind: "answer" }): void {
    const question = this.#asked.get(id);
    this.#asked.delete(id);
    if (frame !== undefined) question?.resolve(frame);
    else question?.reject(new LtyError(error?.code ?? "CLOSED", error?.message ?? "the client was closed"));
  }

  /** Runs the handlers of this tab; a message that was handled here, or is being handled, is not given to them again, whoever brings it. */
  #handle(frame: PushedFrame): Promise<void> {
    const id = frame.message_id;
    if (this.#seen.has(id)) return Promise.resolve();
    const running = this.#running.get(id) ?? this.#run(frame).finally(() => this.#running.delete(id));
    this.#running.set(id, running);
    return running;
  }

  async #run(frame: PushedFrame): Promise<void> {
    const handlers = [...(this.#handlers.get(frame.type) ?? []), ...(this.#handlers.get("*") ?? [])];
    await Promise.all(handlers.map((handler) => handler(frame)));
    this.#seen.add(frame.message_id);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= REMEMBERED) break;
      this.#seen.delete(oldest);
    }
  }

  #become(state: State["state"]): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#states) listener(state);
  }
}
