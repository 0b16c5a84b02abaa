import { LtyClient } from "./client.ts";
import type { State } from "./effects.ts";
import type { ServerFrame } from "./frames.ts";
import type { LtyClientOptions } from "./options.ts";

const HEARTBEAT_MS = 30_000;

/** The rest of the options, for programs that want more than the original's class could. */
export type OriginalOptions = Partial<Omit<LtyClientOptions, "url" | "token">>;

/** What `ws` said of its state, for programs that looked. */
export interface SocketView {
  readonly readyState: number;
}

const READY_STATE: Readonly<Record<State["state"], number>> = {
  idle: 3,
  connecting: 0,
  connected: 1,
  waiting: 3,
  closed: 3,
};

/**
 * The class of the original document's chapter 6, by its members, over `LtyClient`: programs that use it run with the import
 * changed. Messages are acknowledged and come again where they were missed, and reconnecting does not give up.
 *
 * @example
 * const client = new DeviceWebSocketClient("lty_…", "ws://localhost:8000");
 * client.onMessage("chat_response", (data) => console.log(data.message));
 * client.connect();
 */
export class DeviceWebSocketClient {
  /** Called with every greeting. */
  onConnect: ((event: unknown) => void) | null = null;
  /** Called when a connection has ended, with its close `code` where that ended it for good, else 1006. */
  onDisconnect: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  /** Called with what went wrong and nobody waits for. */
  onError: ((error: unknown) => void) | null = null;
  /** Attempts since the last greeting. */
  reconnectAttempts = 0;
  /** Kept for programs that read or set it; it limits nothing any more. */
  maxReconnectAttempts = Number.POSITIVE_INFINITY;
  /** Handlers by type: one each, as it was. */
  readonly messageHandlers = new Map<string, (data: ServerFrame) => unknown>();
  heartbeatInterval: ReturnType<typeof setInterval> | null = null;
  readonly #options: OriginalOptions;
  readonly #places = new Map<string, string>();
  #client: LtyClient | undefined;
  #isUp = false;

  /** `baseUrl` has no path. `options` go to the `LtyClient` behind it. */
  constructor(
    public token: string,
    public baseUrl = "ws://localhost:8000",
    options: OriginalOptions = {},
  ) {
    this.#options = options;
  }

  /** The socket, as far as its `readyState`; null before `connect`. */
  get ws(): SocketView | null {
    return this.#client === undefined ? null : { readyState: READY_STATE[this.#client.state.state] };
  }

  /** Connects, and again whenever the connection ends, until `disconnect` or a close code after which that is no use. */
  connect(): void {
    if (this.#client !== undefined && this.#client.state.state !== "closed") return;
    // The place outlives the connection: what was handled before `disconnect` is not handled again.
    const storage = {
      getItem: (key: string) => this.#places.get(key),
      setItem: (key: string, text: string) => void this.#places.set(key, text),
    };
    const client = new LtyClient({ getToken: () => this.token, storage, ...this.#options, url: this.baseUrl });
    this.#client = client;
    client.on("*", (frame) => this.handleMessage(frame));
    for (const type of ["connection_status", "error", "pong", "skip", "reset", "bye"] as const) {
      client.on(type, (frame) => this.handleMessage(frame));
    }
    client.onState((state) => this.#changed(state));
    client.onError((error) => this.onError?.(error));
    // What ended it is told by onDisconnect.
    client.connect().catch(() => {});
  }

  /** Ends the connection for good. */
  disconnect(): void {
    void this.#client?.close();
  }

  /** Looks for a connection at once, where there is none. */
  reconnect(): void {
    this.connect();
    this.#client?.nudge();
  }

  /** Sends a frame without an id; false, and nothing is kept, while there is no connection. */
  sendMessage(type: string, message: unknown): boolean {
    if (this.#client === undefined || this.#client.state.state !== "connected") return false;
    this.#client.send(type, message);
    return true;
  }

  /** Gives a frame to the handler of its type. */
  handleMessage(data: ServerFrame): unknown {
    return this.messageHandlers.get(data.type)?.(data);
  }

  /** Sets the handler of a type. A message is acknowledged when what it returns has resolved. */
  onMessage(type: string, handler: (data: ServerFrame) => unknown): void {
    this.messageHandlers.set(type, handler);
  }

  /** Begins to send a `ping` every 30 s. Not needed: the client has a heartbeat of its own. */
  startHeartbeat(): void {
    this.stopHeartbeat();
    this.heartbeatInterval = setInterval(() => this.sendMessage("ping", {}), HEARTBEAT_MS);
  }

  /** Ends what `startHeartbeat` began. */
  stopHeartbeat(): void {
    if (this.heartbeatInterval !== null) clearInterval(this.heartbeatInterval);
    this.heartbeatInterval = null;
  }

  /** Sends `chat_message`; the answer goes to the handler of `chat_response`. */
  sendChatMessage(message: string): boolean {
    return this.sendMessage("chat_message", message);
  }

  /** Sends `weather`; the answer goes to the handler of `weather_response`. */
  requestWeather(city: string): boolean {
    return this.sendMessage("weather", { city });
  }

  /** Sends `sing`; the answer goes to the handler of `sing_response`. */
  requestSing(song: string, artist: string): boolean {
    return this.sendMessage("sing", { song, artist });
  }

  /** Sends `dance`; the answer goes to the handler of `dance_response`. `duration` is in words. */
  requestDance(dance: string, style: string, duration = "30秒"): boolean {
    return this.sendMessage("dance", { dance, style, duration });
  }

  #changed(state: State): void {
    const isUp = state.state === "connected";
    if (isUp) {
      this.reconnectAttempts = 0;
      this.onConnect?.({ type: "open" });
    } else if (state.state === "waiting") this.reconnectAttempts += 1;
    const hasEnded = state.state === "closed" || (this.#isUp && !isUp);
    this.#isUp = isUp;
    if (!hasEnded) return;
    this.stopHeartbeat();
    const error = state.state === "closed" ? state.error : undefined;
    const code = error === undefined ? 1006 : (error?.code ?? 1000);
    this.onDisconnect?.({ code, reason: error?.reason ?? "" });
  }
}
