import type { PushedFrame } from "./frames.ts";

const MOST_LIVE = 256;
/** A server has 64 in flight. */
const MOST_LOGGED = 4_096;

interface Entry {
  readonly frame: PushedFrame;
  readonly epoch: string | null;
  /** The connection that brought it has ended. */
  isStale: boolean;
  hasFailed: boolean;
}

/** Messages that came, one of them being handled: 256 of those that are kept nowhere; more than 4,096 of the others are a flood. */
export class Inbox {
  /** Whether somebody would handle it. */
  wants: (frame: PushedFrame) => boolean = () => false;
  #queue: Entry[] = [];
  #current: Entry | null = null;

  /** The message that is being handled. */
  get delivered(): PushedFrame | null {
    return this.#current === null || this.#current.hasFailed ? null : this.#current.frame;
  }

  /** Its epoch. */
  get epoch(): string | null {
    return this.#current?.epoch ?? null;
  }

  /** Whether the connection that brought it has ended. */
  get isStale(): boolean {
    return this.#current?.isStale ?? false;
  }

  /** Whether the server waits for an acknowledgement that is not being refused. */
  get isOwed(): boolean {
    if (this.#current?.hasFailed) return false;
    return this.#current?.frame.seq !== undefined || this.#queue.some(({ frame }) => frame.seq !== undefined);
  }

  /** Whether more wait than a server would send. */
  get isFlooded(): boolean {
    return this.#queue.length > MOST_LOGGED + MOST_LIVE;
  }

  /** False when there was no room for it. */
  add(frame: PushedFrame, epoch: string | null): boolean {
    const isLive = frame.seq === undefined;
    if (isLive && this.#queue.filter((entry) => entry.frame.seq === undefined).length >= MOST_LIVE) return false;
    this.#queue.push({ frame, epoch, isStale: false, hasFailed: false });
    return true;
  }

  /** The next to be handled; null while one is, or nobody would. */
  next(): PushedFrame | null {
    const [head] = this.#queue;
    if (this.#current !== null || head === undefined || !this.wants(head.frame)) return null;
    this.#queue.shift();
    this.#current = head;
    return head.frame;
  }

  done(): void {
    this.#current = null;
  }

  /** It is not handled, and nothing behind it either, until it comes again. */
  fail(): void {
    if (this.#current !== null) this.#current.hasFailed = true;
  }

  putBack(): void {
    // What is stale comes again by itself.
    if (this.#current !== null && !this.#current.isStale) this.#queue.unshift(this.#current);
    this.#current = null;
  }

  /** What the log keeps comes again on the next connection; what is being handled goes on. */
  disconnected(): void {
    this.#queue = this.#queue.filter(({ frame }) => frame.seq === undefined);
    if (this.#current?.hasFailed) this.#current = null;
    else if (this.#current !== null) this.#current.isStale = true;
  }
}
