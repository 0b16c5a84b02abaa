import type { CursorKey, CursorUpdate, LogStore, NewMessage, RetentionRules } from "../log-store.ts";

/** Runs work when its turn has come. */
type InTurn = <Result>(work: () => Promise<Result>) => Promise<Result>;

interface Job {
  readonly apply: () => Promise<unknown>;
  answer(result: unknown): void;
  fail(error: unknown): void;
}

/**
 * A slow disk in front of a log. While it is held, calls wait in line; each is done when it is told to be, and answered
 * when that is. A crash loses those that were not done, and whoever had asked never hears.
 */
export class HeldLog implements LogStore {
  readonly #line: Job[] = [];
  /** What was done and is to be answered. */
  readonly #answers: (() => void)[] = [];
  readonly #failures: Error[] = [];
  #held = false;
  #draining = false;
  #crashed = false;

  constructor(
    private readonly inner: LogStore,
    /** Whether reads come as promises too, as they do over a network. */
    private readonly answersLater = false,
    /** Where others use what is below too: does one thing at a time. */
    private readonly inTurn: InTurn = (work) => work(),
  ) {}

  /** Calls that wait to be done. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Whether something is being done that nobody waits for. */
  get isBusy(): boolean {
    return this.#draining;
  }

  /** Writes that are to fail. */
  get failing(): number {
    return this.#failures.length;
  }

  hold(): void {
    this.#held = true;
  }

  /** Does the first call in the line; its answer is on its way. */
  async perform(): Promise<void> {
    const job = this.#line.shift();
    if (job === undefined) return;
    try {
      const result = await this.inTurn(job.apply);
      this.#answers.push(() => this.#crashed || job.answer(result));
    } catch (error) {
      this.#answers.push(() => this.#crashed || job.fail(error));
    }
  }

  /** Brings the first answer that is on its way. */
  answer(): void {
    this.#answers.shift()?.();
  }

  /** Does the first call in the line, and brings all answers. */
  async step(): Promise<void> {
    await this.perform();
    while (this.#answers.length > 0) this.answer();
  }

  /** Does all that waits, and from now on everything at once, in the order in which it was asked for. */
  async release(): Promise<void> {
    this.#held = false;
    await this.#drain();
  }

  /** The next writes fail, and nothing of them is kept. */
  failNext(...errors: readonly Error[]): void {
    this.#failures.push(...errors);
  }

  /** Nothing fails any more. */
  heal(): void {
    this.#failures.length = 0;
  }

  /** The process dies: the first `done` calls reached the disk all the same, but nobody hears of it. */
  async crash(done: number): Promise<void> {
    this.#crashed = true;
    for (const { apply } of this.#line.splice(0).slice(0, done)) await this.inTurn(apply).catch(() => undefined);
  }

  open() {
    return this.#write(() => this.inner.open());
  }
  close() {
    return this.#write(() => this.inner.close());
  }
  accept(messages: readonly NewMessage[]) {
    return this.#write(() => this.inner.accept(messages));
  }
  position(userId: number) {
    return this.#read(() => this.inner.position(userId));
  }
  read(userId: number, after: number, limit: number) {
    return this.#read(() => this.inner.read(userId, after, limit));
  }
  idAt(userId: number, seq: number) {
    return this.#read(() => this.inner.idAt(userId, seq));
  }
  find(messageId: string) {
    return this.inner.find(messageId);
  }
  cursor(key: CursorKey) {
    return this.#read(() => this.inner.cursor(key));
  }
  createCursorAtTop(key: CursorKey) {
    return this.#write(() => this.inner.createCursorAtTop(key));
  }
  saveCursors(cursors: readonly CursorUpdate[]) {
    return this.#write(() => this.inner.saveCursors(cursors));
  }
  setAside(key: CursorKey, seq: number) {
    return this.#write(() => this.inner.setAside(key, seq));
  }
  beginEpoch(userId: number, from: string) {
    return this.#write(() => this.inner.beginEpoch(userId, from));
  }
  hasNews() {
    return this.#read(() => this.inner.hasNews());
  }
  tops(userIds: readonly number[]) {
    return this.#read(() => this.inner.tops(userIds));
  }
  retain(rules: RetentionRules) {
    return this.#write(() => this.inner.retain(rules));
  }

  /** Does something else on the same disk, in the same line. */
  through<Result>(apply: () => Promise<Result>): Promise<Result> {
    return new Promise((answer, fail) => {
      if (this.#crashed) return;
      this.#line.push({ apply, answer: answer as (result: unknown) => void, fail });
      if (!this.#held && !this.#draining) void this.#drain();
    });
  }

  #read<Result>(work: () => Result | Promise<Result>): Result | Promise<Result> {
    return this.answersLater ? this.through(async () => work()) : work();
  }

  #write<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.through(() => {
      const failure = this.#failures.shift();
      return failure === undefined ? work() : Promise.reject(failure);
    });
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    do await this.step();
    while (!this.#held && this.#line.length > 0);
    this.#draining = false;
  }
}
