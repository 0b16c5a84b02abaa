/**
 * Hours of a steady rate of messages that everybody acknowledges, by a clock that jumps: the database stops growing, because
 * what was settled an hour ago is deleted.
 *
 *     bun tests/faults/level-off.ts [--short] [--save NAME]
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Consumers } from "@qy-lty/server/delivery/consumers.ts";
import { Retention } from "@qy-lty/server/delivery/retention.ts";
import { DeliveryTrace } from "@qy-lty/server/delivery/trace.ts";
import { newId } from "@qy-lty/server/platform/ids.ts";
import type { AcceptOutcome, NewMessage } from "@qy-lty/server/store/log-store.ts";
import { SqliteStore } from "@qy-lty/server/store/sqlite.ts";
import { ManualClock } from "../../testkit/src/manual-clock.ts";
import { Report, runScript } from "./support/report.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const USERS = 100;
const BATCH = 64;
const LONG = { hours: 6, perMinute: 1_200 };
const SHORT = { hours: 5, perMinute: 60 };
/** What one message says, bytes. */
const BODY = "x".repeat(200);

/** Timers run as soon as the loop turns, however long they were to wait. */
class JumpingClock extends ManualClock {
  override after(_delayMs: number, task: () => void) {
    const immediate = setImmediate(task);
    return { stop: () => clearImmediate(immediate) };
  }
}

/** Lets the hours pass; the report's figures are the sizes of the database. */
export async function levelOff(short: boolean): Promise<Report> {
  const { hours, perMinute } = short ? SHORT : LONG;
  const report = new Report(
    `${perMinute.toLocaleString("en-US")} messages a minute, each acknowledged within it, for ${hours} hours of a jumping clock`,
  );
  const folder = mkdtempSync(join(tmpdir(), "qy-lty-level-"));
  const path = join(folder, "lty.db");
  const clock = new JumpingClock();
  const failed = (error: unknown) => report.note(String(error));
  const store = await SqliteStore.open(`sqlite:${path}`, clock, { threaded: true });
  const consumers = new Consumers(store.log, clock, new DeliveryTrace(), failed);
  const retention = new Retention(store.log, consumers, clock, DAY_MS, failed);
  try {
    const users: number[] = [];
    for (let n = 0; n < USERS; n++) users.push((await store.users.create({ username: `user-${n}` })).id);
    await store.log.open();
    using database = new Database(path, { readonly: true });
    const pages = database.prepare("PRAGMA page_count");
    const held = database.prepare("SELECT count(*) AS messages FROM message");
    let accepted = 0;
    const largest: number[] = [];
    for (let minute = 0; minute < hours * 60; minute++) {
      accepted += await acceptAndAcknowledge(store, clock, users, { from: accepted, count: perMinute });
      clock.advance(MINUTE_MS);
      await retention.run();
      const { page_count } = pages.get() as { page_count: number };
      const hour = Math.floor(minute / 60);
      largest[hour] = Math.max(largest[hour] ?? 0, page_count);
      if (minute % 60 === 59) report.add(`most pages in hour ${hour + 1}`, largest[hour] ?? Number.NaN);
    }
    report.add("accepted", accepted, "", { equals: perMinute * 60 * hours });
    // An hour, the minute of the deletion, and what is settled in two steps.
    report.add("messages still held", (held.get() as { messages: number }).messages, "", { atMost: perMinute * 125 });
    const [before = Number.NaN, last = Number.NaN] = largest.slice(-2);
    report.add("growth in the last hour", (last / before - 1) * 100, "%", { atMost: 2 });
    await store.log.close();
  } finally {
    retention.stop();
    consumers.stop();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return report;
}

async function acceptAndAcknowledge(
  { log }: SqliteStore,
  clock: ManualClock,
  users: readonly number[],
  { from, count }: { readonly from: number; readonly count: number },
): Promise<number> {
  let accepted = 0;
  const tops = new Map<number, number>();
  for (let start = 0; start < count; start += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - start) }, (_, n) =>
      message(users[(from + start + n) % users.length] ?? 0, clock.now()),
    );
    const outcomes = await log.accept(batch);
    for (const [index, outcome] of outcomes.entries()) {
      if (!isTaken(outcome)) continue;
      accepted += 1;
      tops.set(batch[index]?.userId ?? 0, outcome.seq);
    }
  }
  const cursors = [];
  for (const [userId, acked] of tops) {
    const { epoch } = await log.position(userId);
    const consumer = `user:${userId}`;
    cursors.push({ consumer, userId, epoch, acked, sent: acked, attempts: 0, lastSeen: clock.now() });
  }
  await log.saveCursors(cursors);
  return accepted;
}

function isTaken(outcome: AcceptOutcome): outcome is { kind: "accepted"; seq: number } {
  return outcome.kind === "accepted" && outcome.seq !== null;
}

function message(userId: number, now: number): NewMessage {
  const messageId = newId();
  return {
    ...{ userId, ephemeral: false, deviceId: null, messageId, type: "note" },
    ...{ head: `{"type":"note","message":"${BODY}","message_id":"${messageId}"`, bytes: 300 },
    ...{ createdAt: now, expiresAt: now + 7 * DAY_MS, idempotency: null },
  };
}

if (import.meta.main) await runScript(levelOff);
