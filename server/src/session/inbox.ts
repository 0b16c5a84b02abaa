/** Frames that may wait behind a slow one before the socket is paused. */
export const MAX_WAITING_FRAMES = 32;
/** Their text together, UTF-16 units, before the socket is paused. */
export const MAX_WAITING_CHARS = 256 * 1024;

interface Waiting<Work> {
  readonly work: Work;
  readonly chars: number;
}

/**
 * What waits while a session works on an earlier frame: first in, first out. `full` says when to stop reading; what was
 * read in one go before the socket stopped still fits, so the bound is soft by one read of the socket.
 */
export class Inbox<Work> {
  readonly #waiting: Waiting<Work>[] = [];
  #chars = 0;

  push(work: Work, chars: number): void {
    this.#waiting.push({ work, chars });
    this.#chars += chars;
  }

  shift(): Work | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#chars -= next.chars;
    return next.work;
  }

  get full(): boolean {
    return this.#waiting.length >= MAX_WAITING_FRAMES || this.#chars >= MAX_WAITING_CHARS;
  }

  /** Low enough to read on. */
  get hasRoom(): boolean {
    return this.#waiting.length <= MAX_WAITING_FRAMES / 2 && this.#chars <= MAX_WAITING_CHARS / 2;
  }
}
