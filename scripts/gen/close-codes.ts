import { Close, type CloseReason, type ErrorRow, Errors } from "@qy-lty/protocol";
import { rowsInUse, serverSource } from "./in-use.ts";
import { code, heading, type Page, parts, table } from "./page.ts";

const rows: [string, CloseReason][] = Object.entries(Close);

export const closeCodesPage: Page = {
  file: "close-codes.md",
  render: async () => {
    const named = await rowsInUse(Object.keys(Close), (row) => `Close.${row}`);
    const ofErrors = new Set(Object.values(Errors).map((row: ErrorRow) => row.close));
    // The transport itself refuses a frame that is too big, and words the reason.
    const used = ([name, reason]: [string, CloseReason]) =>
      named.has(name) || ofErrors.has(reason) || reason.code === Close.frameTooBig.code;
    const inOrder = rows.toSorted(([, a], [, b]) => a.code - b.code);
    const reserved = inOrder.filter((row) => !used(row)).map(([, { code: number, reason }]) => `${number} (${reason})`);
    const acknowledges = (await serverSource()).includes('"ack"');
    return parts(
      heading("Close codes", "`protocol/src/close.ts`"),
      "Why the server ended a connection, and what a client does next. 4000 to 4999 are ours; the others are those of RFC 6455. A connection that was lost without a word, or was silent for 2.5 heartbeats, ends with 1006: reconnect.",
      table(
        ["code", "reason", "when", "next"],
        inOrder
          .filter(used)
          .map(([, { code: number, reason, when, next }]) => [
            code(number),
            number === Close.frameTooBig.code ? "" : reason,
            when,
            next,
          ]),
      ),
      acknowledges ? "" : "Nothing is acknowledged in this version: 4011 is for the buffer limit, 1 MiB.",
      reserved.length === 0 ? "" : `Reserved, and not used by this version: ${reserved.join(", ")}.`,
    );
  },
};
