import type {
  AcceptOutcome,
  CursorKey,
  CursorUpdate,
  LogStore,
  NewMessage,
  RetentionRules,
} from "@qy-lty/server/store/log-store.ts";
import type { Look } from "./disk.ts";
import { demand, type Reference } from "./reference.ts";

/** What is the same for all that watch one disk. */
export interface Watch {
  readonly reference: Reference;
  /** What became of the pushes of a number. */
  readonly outcomes: Map<number, Set<AcceptOutcome["kind"]>>;
  look(): Look | Promise<Look>;
  see(what: string): void;
  /** Whether the log was ever taken back, or a client said so: else no new epoch may begin. */
  wentBack(): boolean;
}

/**
 * The disk's log with the reference beside it: whatever reaches the disk reaches both, and has to come to the same. The
 * disk does what it is called for before it answers, so that nothing comes between the two.
 */
export class WatchedLog implements LogStore {
  constructor(
    private readonly disk: LogStore,
    private readonly watch: Watch,
  ) {}

  open() {
    return this.disk.open();
  }
  close() {
    return this.disk.close();
  }

  async accept(batch: readonly NewMessage[]): Promise<readonly AcceptOutcome[]> {
    const accepted = this.disk.accept(batch);
    const expected = this.watch.reference.accept(batch);
    const outcomes = await accepted;
    for (const [index, outcome] of outcomes.entries()) {
      const message = batch[index];
      const wanted = expected[index];
      const isTheirs = message?.userId !== 1;
      const isSame = outcome.kind === wanted?.kind && (isTheirs || seqOf(outcome) === seqOf(wanted));
      demand(isSame, "I2, I6, I13", () => `accept: ${JSON.stringify(outcome)}, not ${JSON.stringify(wanted)}`);
      if (message !== undefined) this.#note(numberOf(message), outcome);
    }
    return outcomes;
  }

  async saveCursors(cursors: readonly CursorUpdate[]): Promise<readonly number[]> {
    const before = (await this.watch.look()).cursors;
    const movedOn = await this.disk.saveCursors(cursors);
    const after = (await this.watch.look()).cursors;
    const { timeline } = this.watch.reference;
    for (const { userId, consumer } of cursors) {
      const acked = after.get(consumer)?.acked ?? 0;
      if (userId === 1 && acked > (before.get(consumer)?.acked ?? 0)) timeline.acked = Math.max(timeline.acked, acked);
    }
    return movedOn;
  }

  async beginEpoch(userId: number, from: string) {
    const before = await this.disk.position(userId);
    const after = await this.disk.beginEpoch(userId, from);
    const isJustified = after.epoch === before.epoch || this.watch.wentBack();
    demand(isJustified, "I9", () => "a new epoch begins, though the log never went back");
    return after;
  }

  position(userId: number) {
    return this.disk.position(userId);
  }
  read(userId: number, after: number, limit: number) {
    return this.disk.read(userId, after, limit);
  }
  idAt(userId: number, seq: number) {
    return this.disk.idAt(userId, seq);
  }
  find(messageId: string) {
    return this.disk.find(messageId);
  }
  cursor(key: CursorKey) {
    return this.disk.cursor(key);
  }
  /** An app that is met, or met again after it was forgotten, has nothing to expect of what was before. */
  async createCursorAtTop(key: CursorKey) {
    const isKnown = (await this.watch.look()).cursors.has(key.consumer);
    const made = await this.disk.createCursorAtTop(key);
    if (!isKnown) this.watch.reference.timeline.starts.set(key.consumer, { seq: made.acked });
    return made;
  }
  setAside(key: CursorKey, seq: number) {
    return this.disk.setAside(key, seq);
  }
  hasNews() {
    return this.disk.hasNews();
  }
  tops(userIds: readonly number[]) {
    return this.disk.tops(userIds);
  }
  async retain(rules: RetentionRules) {
    const { reference } = this.watch;
    reference.retain(rules.now, rules.now - rules.idempotencyMs);
    for (const [consumer, { acked }] of (await this.watch.look()).cursors) {
      reference.timeline.cursors.set(consumer, acked);
    }
    const retained = await this.disk.retain(rules);
    const { size } = reference.timeline.gone;
    reference.checkHeld((await this.watch.look()).ids);
    if (reference.timeline.gone.size > size) this.watch.see("deleted");
    return retained;
  }

  #note(number: number, { kind }: AcceptOutcome): void {
    this.watch.see(kind);
    const kinds = this.watch.outcomes.get(number) ?? new Set();
    this.watch.outcomes.set(number, kinds.add(kind));
  }
}

/** The number that the model gave a push, which is its message. */
function numberOf({ head }: NewMessage): number {
  return (JSON.parse(`${head}}`) as { message: { n: number } }).message.n;
}

function seqOf(outcome: AcceptOutcome): number | null | undefined {
  return "seq" in outcome ? outcome.seq : undefined;
}
