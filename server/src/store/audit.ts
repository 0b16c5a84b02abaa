import type { Kysely } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { inPages, type Page, type PageRequest } from "./page.ts";
import type { Tables } from "./tables.ts";

/** Entries that are kept; past it the oldest go. */
export const AUDIT_ENTRIES = 100_000;

/** One change. */
export interface AuditEntry {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The principal's key, `user:1` or `service:2`; `cli` for the command line. */
  readonly who: string;
  /** In the words of the log, `token revoked`. */
  readonly what: string;
  /** Ids and names of fields, never values. */
  readonly subject: Readonly<Record<string, unknown>>;
  /** The request that asked for it, as the log knows it; null for the command line. */
  readonly requestId: string | null;
}

/** What was changed by whom: users, devices, tokens, connections and the queue. */
export class Audit {
  constructor(
    private readonly db: Kysely<Tables>,
    private readonly clock: Clock,
    private readonly kept = AUDIT_ENTRIES,
  ) {}

  /** Notes a change that was made. */
  async record(entry: Omit<AuditEntry, "id" | "at">): Promise<void> {
    const { who, what, subject, requestId } = entry;
    const row = { at: this.clock.now(), who, what, subject: JSON.stringify(subject), request_id: requestId };
    const { id } = await this.db.insertInto("audit").values(row).returning("id").executeTakeFirstOrThrow();
    if (id > this.kept) {
      await this.db
        .deleteFrom("audit")
        .where("id", "<=", id - this.kept)
        .execute();
    }
  }

  /** The changes, newest first. */
  async list(page: PageRequest): Promise<Page<AuditEntry>> {
    const { items, total } = await inPages<"audit", Row>(this.db.selectFrom("audit"), "id", page, "desc");
    return { items: items.map(toEntry), total };
  }
}

interface Row {
  readonly id: number;
  readonly at: number;
  readonly who: string;
  readonly what: string;
  readonly subject: string;
  readonly request_id: string | null;
}

function toEntry({ id, at, who, what, subject, request_id }: Row): AuditEntry {
  return { id, at, who, what, subject: JSON.parse(subject) as AuditEntry["subject"], requestId: request_id };
}
