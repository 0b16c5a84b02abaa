import { LtyError } from "./errors.ts";
import type { ServerFrame } from "./frames.ts";

/** The largest frame that the server reads, bytes. */
const FRAME_BYTES = 64 * 1024;

/** So many times as much may be under way while there is a connection: it is but a moment until that is answered. */
const CONNECTED_FACTOR = 10;

/** A question that waits for its reply. */
export interface Question {
  readonly id: string;
  readonly text: string;
  /** Monotonic milliseconds. */
  readonly dueAt: number;
  resolve(frame: ServerFrame): void;
  reject(error: Error): void;
}

const encoder = new TextEncoder();

/** Questions under way and frames that wait for a connection: bounded, in order. */
export class Questions {
  readonly #open = new Map<string, Question>();
  readonly #outbox: string[] = [];

  constructor(private readonly most: number) {}

  /** Adds a question. @throws LtyError when too many wait, it is too large to be read, or its id is under way */
  add(question: Question, isConnected: boolean): void {
    this.#admit(question.text, isConnected);
    if (this.#open.has(question.id)) throw new LtyError("ID_IN_USE", `${question.id} is under way already`);
    this.#open.set(question.id, question);
  }

  /** Adds a frame that nobody answers. @throws LtyError as `add` */
  post(text: string, isConnected: boolean): void {
    this.#admit(text, isConnected);
    this.#outbox.push(text);
  }

  /** Takes the frames that nobody answers. */
  takePosted(): string[] {
    return this.#outbox.splice(0);
  }

  /** Every question that is under way, to be asked again on a new connection. */
  get texts(): string[] {
    return [...this.#open.values()].map(({ text }) => text);
  }

  /** The question that `id` names, which is then no longer under way. */
  take(id: unknown): Question | undefined {
    const question = this.#open.get(id as string);
    this.#open.delete(id as string);
    return question;
  }

  /** The largest under way: the one that a complaint about size, which names none, must be about. */
  takeLargest(): Question | undefined {
    const [largest] = [...this.#open.values()].sort((a, b) => b.text.length - a.text.length);
    return largest && this.take(largest.id);
  }

  /** When the first gives up, monotonic milliseconds. */
  get dueAt(): number {
    return Math.min(...[...this.#open.values()].map(({ dueAt }) => dueAt));
  }

  expire(now: number): void {
    for (const { id, dueAt } of this.#open.values()) {
      if (dueAt <= now) this.take(id)?.reject(new LtyError("TIMEOUT", "no reply in time"));
    }
  }

  rejectAll(error: Error): void {
    this.#outbox.length = 0;
    for (const { id } of this.#open.values()) this.take(id)?.reject(error);
  }

  #admit(text: string, isConnected: boolean): void {
    checkSize(text);
    const most = isConnected ? this.most * CONNECTED_FACTOR : this.most;
    if (this.#open.size + this.#outbox.length >= most) throw new LtyError("OUTBOX_FULL", `${most} frames wait already`);
  }
}

/** @throws LtyError for a frame that the server would close the connection over */
export function checkSize(text: string): void {
  // A code unit is at least a byte and at most three.
  if (text.length * 3 > FRAME_BYTES && encoder.encode(text).length > FRAME_BYTES) {
    throw new LtyError("MESSAGE_TOO_LARGE", `a frame has at most ${FRAME_BYTES} bytes`);
  }
}
