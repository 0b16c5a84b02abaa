import type { ManualClock } from "../../../../testkit/src/manual-clock.ts";
import type { AcceptOutcome, CursorKey, CursorUpdate, LogStore, NewMessage, Quota } from "../log-store.ts";

/** A log that holds nothing yet. Users 1 to 3 are there, and devices 11 and 12, which nobody owns. */
export interface LogUnderTest extends AsyncDisposable {
  readonly log: LogStore;
  readonly clock: ManualClock;
  /** The same log as somebody else sees it who opens it now. */
  reopen(): LogStore;
  /** A backup of it, as somebody opens it who restored it. */
  restored(): LogStore | Promise<LogStore>;
  /** Binds a device, or unbinds it, as another process would. */
  bind(deviceId: number, userId: number | null): void | Promise<void>;
}

/** How a kind of log is made. */
export interface LogKind {
  readonly name: string;
  /** Whether it minds how many rows it deletes at once. */
  readonly deletesInBatches: boolean;
  open(quota?: Quota): Promise<LogUnderTest>;
}

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** When a `ManualClock` starts. */
export const START = Date.UTC(2026, 0, 1);

let messages = 0;

/** A message to user 1, kept for a day. */
export function aMessage(message: Partial<NewMessage> = {}): NewMessage {
  const messageId = message.messageId ?? `message-${++messages}`;
  return {
    userId: 1,
    ephemeral: false,
    deviceId: null,
    messageId,
    type: "note",
    head: `{"type":"note","message_id":"${messageId}"`,
    bytes: 100,
    createdAt: START,
    expiresAt: START + DAY_MS,
    idempotency: null,
    ...message,
  };
}

/** So many messages to user 1, taken one batch at a time. */
export async function acceptMany(
  log: LogStore,
  count: number,
  message: Partial<NewMessage> = {},
): Promise<NewMessage[]> {
  const made = Array.from({ length: count }, () => aMessage(message));
  await log.accept(made);
  return made;
}

/** What became of one message. */
export async function acceptOne(log: LogStore, message: Partial<NewMessage> = {}): Promise<AcceptOutcome> {
  const [outcome] = await log.accept([aMessage(message)]);
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

/** Writes a cursor of user 1 in the stream's epoch. */
export async function save(log: LogStore, consumer: string, update: Partial<CursorUpdate>): Promise<void> {
  const userId = update.userId ?? 1;
  const { epoch } = await log.position(userId);
  const acked = update.acked ?? 0;
  await log.saveCursors([{ consumer, userId, epoch, acked, sent: acked, attempts: 0, lastSeen: START, ...update }]);
}

/** Up to where a consumer of user 1 has acknowledged; null: it has no cursor. */
export async function ackedBy(log: LogStore, consumer: string, userId = 1): Promise<number | null> {
  const key: CursorKey = { consumer, userId };
  return (await log.cursor(key))?.acked ?? null;
}

/** The `seq` of everything in a stream. */
export async function seqs(log: LogStore, userId = 1): Promise<number[]> {
  return (await log.read(userId, 0, 100_000)).map(({ seq }) => seq);
}

/** What a promise is rejected with. Bun's `.rejects` keeps the loop from a thread's messages and waits for ever. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`rejected with ${String(error)}`);
  }
  throw new Error("nothing was rejected");
}
