import type { AuditEntry } from "@qy-lty/server/store/audit.ts";
import type { Command } from "commander";
import { count } from "../arguments.ts";
import { withStore } from "../context.ts";
import { type OutputOptions, show, table } from "../output.ts";
import { addCommand } from "../program.ts";
import { toIso, toMinute } from "../time.ts";

interface AuditOptions extends OutputOptions {
  readonly limit: number;
}

/** `lty audit` */
export function auditCommand(program: Command): void {
  addCommand(program, "audit", "Show who changed what, newest first", "lty audit --limit 20")
    .option("--limit <n>", "so many changes, 1 to 1,000", count(1_000), 50)
    .action((options: AuditOptions) =>
      withStore(async (store) => {
        const { items } = await store.audit.list({ limit: options.limit, offset: 0 });
        show(options, items.map(toItem), () => (items.length === 0 ? "Nothing was changed yet." : toTable(items)));
      }),
    );
}

/** As the API shows it. */
function toItem({ id, at, who, what, subject, requestId }: AuditEntry) {
  return { id, at: toIso(at), who, what, subject, request_id: requestId };
}

function toTable(entries: readonly AuditEntry[]): string {
  return table(
    ["AT", "WHO", "WHAT", "SUBJECT"],
    entries.map(({ at, who, what, subject }) => [toMinute(at), who, what, JSON.stringify(subject)]),
  );
}
