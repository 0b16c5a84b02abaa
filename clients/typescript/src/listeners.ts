import type { PushedFrame, ServerFrame } from "./frames.ts";
import { MessageLoop } from "./loop.ts";
import { CONTROL } from "./wire.ts";

/** Takes a message or another frame of the server; a message is acknowledged once what it returns has resolved. */
export type Handler<Frame = ServerFrame> = (frame: Frame) => unknown;

/** What became of a delivery. */
export type Delivered =
  | { readonly outcome: "handled" | "left" }
  | { readonly outcome: "failed"; readonly cause: unknown };

const ALL = "*";
/** So many handlers of frames that are no messages may be at work. */
const MOST_OBSERVING = 1_024;

/** Handlers by type, and loops. */
export class Listeners {
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #loops = new Set<MessageLoop>();
  #observing = 0;
  #left: string | undefined;
  /** Who has already handled the message that comes again, because another has not. */
  #done: { readonly id: string; readonly who: Set<unknown> } = { id: "", who: new Set() };

  /** `changed` is called when somebody begins or ceases to listen. */
  constructor(private readonly changed: () => void) {}

  /** Whether anybody handles messages: of one that a loop was left with, handlers alone do not count. */
  wants({ message_id }: PushedFrame): boolean {
    if (this.isLooping) return true;
    return message_id !== this.#left && [...this.#handlers.keys()].some((type) => !CONTROL.has(type));
  }

  /** Whether there is a loop. */
  get isLooping(): boolean {
    return this.#loops.size > 0;
  }

  on(type: string, handler: Handler): () => void {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    this.changed();
    return () => {
      handlers.delete(handler);
      if (handlers.size === 0) this.#handlers.delete(type);
      this.changed();
    };
  }

  loop(): MessageLoop {
    const loop = new MessageLoop(() => {
      this.#loops.delete(loop);
      this.changed();
    });
    this.#loops.add(loop);
    this.changed();
    return loop;
  }

  /** Marks the message in the hands of a loop as handled. */
  handled(frame: PushedFrame): void {
    for (const loop of this.#loops) loop.handled(frame);
  }

  endLoops(error: Error | null): void {
    for (const loop of this.#loops) loop.end(error);
    this.#loops.clear();
  }

  /** Gives a message to everybody who has not handled it yet; resolves when all are done. */
  async deliver(frame: PushedFrame): Promise<Delivered> {
    if (this.#done.id !== frame.message_id) this.#done = { id: frame.message_id, who: new Set() };
    const { who } = this.#done;
    const outcomes = await Promise.all([
      ...this.#of(frame.type).map(
        (handler) => who.has(handler) || run(handler, frame).then((result) => note(who, handler, result)),
      ),
      ...[...this.#loops].map(
        (loop) => who.has(loop) || loop.offer(frame).then((outcome) => note(who, loop, { outcome })),
      ),
    ]);
    const results = outcomes.filter((outcome) => outcome !== true);
    const isLeft = results.some(({ outcome }) => outcome === "left");
    this.#left = isLeft ? frame.message_id : undefined;
    return results.find(({ outcome }) => outcome === "failed") ?? { outcome: isLeft ? "left" : "handled" };
  }

  /** Gives a frame to whoever listens; what they throw or reject with goes to `failed`. */
  observe(frame: ServerFrame, failed: (cause: unknown) => void): void {
    for (const handler of this.#of(frame.type)) {
      if (this.#observing >= MOST_OBSERVING) {
        failed(new Error("too many are at work"));
        return;
      }
      this.#observing += 1;
      void run(handler, frame).then((result) => {
        this.#observing -= 1;
        if (result.outcome === "failed") failed(result.cause);
      });
    }
  }

  #of(type: string): Handler[] {
    const forAll = CONTROL.has(type) ? [] : (this.#handlers.get(ALL) ?? []);
    // A set, as a message may be of the type `*`.
    return [...new Set([...(this.#handlers.get(type) ?? []), ...forAll])];
  }
}

async function run(handler: Handler, frame: ServerFrame): Promise<Delivered> {
  try {
    await handler(frame);
    return { outcome: "handled" };
  } catch (cause) {
    return { outcome: "failed", cause };
  }
}

function note(who: Set<unknown>, listener: unknown, result: Delivered): Delivered {
  if (result.outcome === "handled") who.add(listener);
  return result;
}
