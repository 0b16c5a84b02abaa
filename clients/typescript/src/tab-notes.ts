import type { State } from "./effects.ts";
import { ClosedError, LtyError } from "./errors.ts";
import type { PushedFrame, ServerFrame } from "./frames.ts";

/** An error on its way to another tab. A number is a close code. */
export interface Failure {
  readonly code: string | number;
  readonly text: string;
}

/** A request, for whoever holds the connection. */
export interface Ask {
  readonly kind: "ask";
  readonly id: string;
  readonly type: string;
  readonly message: unknown;
  /** What is left of its time, milliseconds. */
  readonly timeoutMs: number;
}

/** Its reply, for whoever asked. */
export interface Answer {
  readonly kind: "answer";
  readonly id: string;
  readonly outcome: { readonly frame: ServerFrame } | { readonly failure: Failure };
}

/** What tabs say to each other. */
export type Note =
  | Ask
  | Answer
  /** Nobody waits for the reply any longer. */
  | { readonly kind: "forget"; readonly id: string }
  | { readonly kind: "message"; readonly frame: PushedFrame }
  | { readonly kind: "state"; readonly state: State["state"]; readonly failure?: Failure }
  /** A tab has come: how is the connection? */
  | { readonly kind: "who" };

/** Makes an error fit for the way. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ClosedError) return { code: error.code, text: error.reason };
  if (error instanceof LtyError) return { code: error.code, text: error.message };
  return { code: "FAILED", text: String(error) };
}

/** The error that it was. */
export function errorOf({ code, text }: Failure): ClosedError | LtyError {
  return typeof code === "number" ? new ClosedError(code, text) : new LtyError(code, text);
}

interface Channel {
  onmessage: ((event: { readonly data: Note }) => void) | null;
  postMessage(note: Note): void;
  close(): void;
}

interface Locks {
  request(name: string, options: { readonly signal: AbortSignal }, held: () => Promise<void>): Promise<void>;
}

/** What is used of a browser, where there is one. */
export interface Platform {
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly navigator?: { readonly locks?: Locks };
}

export type { Channel };
