/** A message that was under way for so long when its connection ends counts as an attempt, milliseconds. */
const ATTEMPT_AFTER_MS = 5_000;
/** What the model's steps hide of that: a frame is seen when the step in which it was sent is over. */
export const HIDDEN_MS = 1_700;
/** Who is at work is believed for so long, milliseconds. */
const MAX_WORKING_MS = 600_000;

interface Stretch {
  seq: number;
  readonly isSkip: boolean;
  readonly at: number;
}

/** Whether a message that was sent at `at`, monotonic milliseconds, may have been under way long enough. */
export function mayBeAttempt(at: number, now: number): boolean {
  return now - at >= ATTEMPT_AFTER_MS - HIDDEN_MS;
}

/** What was sent on one connection or passed over on it, and is not acknowledged, as exactly as it is said there. */
export class UnderWay {
  /** Everything up to here was acknowledged, or passed over. */
  handled = 0;
  readonly #stretches: Stretch[] = [];
  #headSince = 0;
  #isWorking = false;

  get isEmpty(): boolean {
    return this.#stretches.length === 0;
  }

  send(seq: number, now: number): void {
    if (this.isEmpty) this.#headSince = now;
    this.#stretches.push({ seq, isSkip: false, at: now });
  }

  skip(seq: number, now: number): void {
    const last = this.#stretches.at(-1);
    if (last === undefined) this.handled = seq;
    else if (last.isSkip) last.seq = seq;
    else this.#stretches.push({ seq, isSkip: true, at: now });
  }

  acknowledge(seq: number, isWorking: boolean, now: number): void {
    if (seq > this.handled) this.#progress(seq, now);
    if (isWorking && !this.isEmpty && now - this.#headSince < MAX_WORKING_MS) this.#isWorking = true;
  }

  /** The connection ended: how many attempts that was, at least and at most. */
  attempts(now: number): { readonly min: number; readonly max: number } {
    const [head] = this.#stretches;
    const isBelieved = this.#isWorking && now - this.#headSince < MAX_WORKING_MS - HIDDEN_MS;
    if (head === undefined || isBelieved) return { min: 0, max: 0 };
    const isSure = now - head.at >= ATTEMPT_AFTER_MS && !this.#isWorking;
    return { min: Number(isSure), max: Number(mayBeAttempt(head.at, now)) };
  }

  #progress(seq: number, now: number): void {
    this.handled = seq;
    const all = this.#stretches;
    for (let [next] = all; next !== undefined && (next.isSkip || next.seq <= seq); [next] = all) {
      if (next.isSkip) this.handled = Math.max(this.handled, next.seq);
      all.shift();
    }
    this.#headSince = now;
    this.#isWorking = false;
  }
}
