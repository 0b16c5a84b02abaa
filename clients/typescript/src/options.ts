import type { Clock } from "./clock.ts";
import type { SocketClass } from "./socket.ts";

/** Keeps texts under names: `localStorage` fits, and so does anything asynchronous. */
export interface Storage {
  /** What was set last under that name; null or undefined where nothing was. */
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>;
  /** A text that was set is there after a crash, once this has returned or resolved. */
  setItem(key: string, text: string): unknown;
}

/** How a client is set up. */
export interface LtyClientOptions {
  /** Base such as `https://example.org` or `ws://127.0.0.1:8000`; `/ws/device/` is added where the path is empty. */
  readonly url: string;
  /** The credential; or `getToken`. */
  readonly token?: string;
  /**
   * Brings a valid token; asked for each connection. A rejection is reported, and tried again later. Where the server has
   * refused a token (4001), it is asked once more: another token is tried, the same one ends the client.
   */
  readonly getToken?: () => string | Promise<string>;
  /** `app`: the user's inbox; `device`: a device of the user's, with `device`. Not with a device token. */
  readonly role?: "app" | "device";
  /** Id of the device, with the role `device`. */
  readonly device?: number;
  /** Names this installation of an app (1 to 64 letters, digits, `_`, `-`), so that nothing is lost while it is away. */
  readonly clientId?: string;
  /** What the device can do, such as `["sing"]`. */
  readonly caps?: readonly string[];
  /** Keeps the place in the log over restarts. Without one it is kept in memory, and the server's place counts. */
  readonly storage?: Storage;
  /** Where there is no global `WebSocket` (Node before 22): a class, such as that of the package `ws`. */
  readonly WebSocket?: SocketClass;
  /** How many frames wait while there is no connection; 100 unless given. */
  readonly maxWaiting?: number;
  /** Where time comes from, for tests. */
  readonly clock?: Clock;
  /** A number from 0 to 1 that nobody can foresee, for tests. */
  readonly random?: () => number;
}

/** How long a request may take, and what gives it up. */
export interface RequestOptions {
  /** Milliseconds until it is rejected with the code `TIMEOUT`; 30,000 unless given. */
  readonly timeoutMs?: number;
  /** Rejects it with the signal's reason. The server may answer it all the same. */
  readonly signal?: AbortSignal;
  /**
   * Its id, in place of one of the client's own: a device or a named app that asks again with the same one, perhaps in a
   * page that was loaded anew, gets the same answer for 10 minutes.
   */
  readonly id?: string;
}

/** What follows a request's type: its message, which some may go without, and options. */
export type RequestArgs<Message> = undefined extends Message
  ? [message?: Message, options?: RequestOptions]
  : [message: Message, options?: RequestOptions];
