import { type ClientErrorCode, type ClosedError, LtyError } from "./errors.ts";
import type { PushedFrame, ServerFrame } from "./frames.ts";

/** What a client is doing; `waiting` means until it tries again, after `delayMs`. `closed` is for good. */
export type State =
  | { readonly state: "idle" | "connecting" | "connected" }
  | { readonly state: "waiting"; readonly delayMs: number }
  | { readonly state: "closed"; readonly error: ClosedError | null };

/** What the shell has to do, in this order. */
export type Effect =
  /** Get a token and open a socket; then `opened`, or `ended`. */
  | { readonly do: "open" }
  | { readonly do: "send"; readonly text: string }
  /** End the socket with this close code (1006: without a word); nothing more is wanted of it. */
  | { readonly do: "drop"; readonly code: number }
  /** Give the frame to whoever listens; then `handled`, `failed` or `left`. */
  | { readonly do: "deliver"; readonly frame: PushedFrame }
  /** Give the frame to whoever listens; nothing is to be acknowledged. */
  | { readonly do: "observe"; readonly frame: ServerFrame }
  /** Store the place; then `saved`, if that is for a message. */
  | { readonly do: "save"; readonly isForMessage: boolean }
  | { readonly do: "state"; readonly state: State }
  /** Nobody waits for this error: tell whoever listens to errors. */
  | { readonly do: "report"; readonly error: LtyError };

/** What stands in the `auth` frame beside the token and the place. */
export type Identity = Readonly<Record<string, unknown>>;

/** What is to be done, in order. */
export class Effects {
  #all: Effect[] = [];

  push(effect: Effect): void {
    this.#all.push(effect);
  }

  /** Sends a frame. */
  say(frame: object): void {
    this.push({ do: "send", text: JSON.stringify(frame) });
  }

  /** Tells of an error that nobody waits for. */
  report(code: ClientErrorCode, message: string, cause?: unknown): void {
    this.push({ do: "report", error: new LtyError(code, message, { cause }) });
  }

  /** What is to be done now: nothing of it any more, then. */
  take(): Effect[] {
    return this.#all.splice(0);
  }
}
