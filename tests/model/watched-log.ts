import type {
  AcceptOutcome,
  Cursor,
  CursorKey,
  CursorUpdate,
  LogStore,
  NewMessage,
  RetentionRules,
  StoredMessage,
} from "@qy-lty/server/store/log-store.ts";
import { demand, type Reference } from "./reference.ts";

/**
 * The disk's log with the reference beside it: whatever reaches the disk reaches both, and has to come to the same. The
 * disk does what it is called for before it answers, so that nothing comes between the two.
 */
export class WatchedLog implements LogStore {
  /** What became of the pushes of a number. */
  readonly outcomes = new Map<number, Set<AcceptOutcome["kind"]>>();

  constructor(
    private readonly disk: () => LogStore,
    private readonly reference: Reference,
    private readonly consumers: readonly string[],
    private readonly see: (what: string) => void,
    /** Whether the log was ever taken back, or a client said so: else no new epoch may begin. */
    private readonly wentBack: () => boolean,
  ) {}

  open() {
    return this.disk().open();
  }
  close() {
    return this.disk().close();
  }

  async accept(batch: readonly NewMessage[]): Promise<readonly AcceptOutcome[]> {
    const accepted = this.disk().accept(batch);
    const expected = this.reference.accept(batch);
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

  async saveCursors(cursors: readonly CursorUpdate[]): Promise<void> {
    const before = cursors.map((key) => this.#acked(key));
    await this.disk().saveCursors(cursors);
    const { timeline } = this.reference;
    for (const [index, key] of cursors.entries()) {
      const after = this.#acked(key);
      if (key.userId === 1 && after > (before[index] ?? 0)) timeline.acked = Math.max(timeline.acked, after);
    }
  }

  async beginEpoch(userId: number, from: string) {
    const before = await this.disk().position(userId);
    const after = await this.disk().beginEpoch(userId, from);
    const isJustified = after.epoch === before.epoch || this.wentBack();
    demand(isJustified, "I9", () => "a new epoch begins, though the log never went back");
    return after;
  }

  position(userId: number) {
    return this.disk().position(userId);
  }
  read(userId: number, after: number, limit: number) {
    return this.disk().read(userId, after, limit);
  }
  idAt(userId: number, seq: number) {
    return this.disk().idAt(userId, seq);
  }
  find(messageId: string) {
    return this.disk().find(messageId);
  }
  cursor(key: CursorKey) {
    return this.disk().cursor(key);
  }
  /** An app that is met, or met again after it was forgotten, has nothing to expect of what was before. */
  async createCursorAtTop(key: CursorKey) {
    const isKnown = this.disk().cursor(key) !== undefined;
    const made = await this.disk().createCursorAtTop(key);
    if (!isKnown) this.reference.timeline.starts.set(key.consumer, { seq: this.#acked(key) });
    return made;
  }
  setAside(key: CursorKey, seq: number) {
    return this.disk().setAside(key, seq);
  }
  hasNews() {
    return this.disk().hasNews();
  }
  tops(userIds: readonly number[]) {
    return this.disk().tops(userIds);
  }
  async retain(rules: RetentionRules) {
    const { reference } = this;
    reference.retain(rules.now, rules.now - rules.idempotencyMs);
    for (const consumer of this.consumers) {
      const cursor = this.disk().cursor({ consumer, userId: 1 }) as Cursor | undefined;
      if (cursor !== undefined) reference.timeline.cursors.set(consumer, cursor.acked);
    }
    const retained = await this.disk().retain(rules);
    const { size } = reference.timeline.gone;
    reference.checkHeld(idsOf(this.disk()));
    if (reference.timeline.gone.size > size) this.see("deleted");
    return retained;
  }

  #acked(key: CursorKey): number {
    return (this.disk().cursor(key) as Cursor | undefined)?.acked ?? 0;
  }

  #note(number: number, { kind }: AcceptOutcome): void {
    this.see(kind);
    const kinds = this.outcomes.get(number) ?? new Set();
    this.outcomes.set(number, kinds.add(kind));
  }
}

/** The ids of everything that a disk holds for user 1, in order. */
export function idsOf(disk: LogStore): string[] {
  return (disk.read(1, 0, 100_000) as readonly StoredMessage[]).map(({ messageId }) => messageId);
}

/** The number that the model gave a push, which is its message. */
function numberOf({ head }: NewMessage): number {
  return (JSON.parse(`${head}}`) as { message: { n: number } }).message.n;
}

function seqOf(outcome: AcceptOutcome): number | null | undefined {
  return "seq" in outcome ? outcome.seq : undefined;
}
