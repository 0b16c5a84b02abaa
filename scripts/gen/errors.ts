import { type ErrorRow, Errors } from "@qy-lty/protocol";
import { rowsInUse } from "./in-use.ts";
import { code, heading, type Page, parts, table } from "./page.ts";

const rows: [string, ErrorRow][] = Object.entries(Errors);

export const errorsPage: Page = {
  file: "errors.md",
  render: async () => {
    const used = await rowsInUse(Object.keys(Errors), (row) => `"${row}"`);
    const reserved = rows.filter(([name]) => !used.has(name)).map(([name]) => code(name));
    return parts(
      heading("Errors", "`protocol/src/errors.ts`"),
      'One table for sockets and HTTP. On a socket an error is a frame, `{"type":"error","message":…,"code":…,"timestamp":…}`, and the connection stays open unless the table names a close code. Over HTTP it is a body, `{"status":"error","message":…,"code":…,"request_id":…}`, with the status of the table. A row without a status is said on sockets only.',
      "The message may go on after a colon, with a detail for a person. Programs go by `code`. An `INTERNAL_ERROR` frame has a `request_id` too: the log knows it by that.",
      table(
        ["code", "message", "HTTP", "closes with", "what to do"],
        rows
          .filter(([name]) => used.has(name))
          .map(([name, { message, status, close, advice }]) => [
            code(name),
            message,
            String(status ?? ""),
            String(close?.code ?? ""),
            advice,
          ]),
      ),
      reserved.length === 0 ? "" : `Reserved, and not said by this version: ${reserved.join(", ")}.`,
    );
  },
};
