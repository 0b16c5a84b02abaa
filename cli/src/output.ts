import { writeSync } from "node:fs";
import { styleText } from "node:util";

/** Narrower than this, a wrapped column is worse to read than a long line. */
const MIN_WRAP_COLUMNS = 24;
const GAP = "  ";

/** What every command can be asked for. */
export interface OutputOptions {
  readonly json?: boolean;
}

/** Prints what a command has to say: `data` as one line of JSON with `--json`, else `text` for a person. */
export function show(options: OutputOptions, data: unknown, text: () => string): void {
  print(options.json ? JSON.stringify(data) : text());
}

/** Prints a line on stdout. A reader that has left (`lty token list | head -1`) has seen enough: that is no error. */
export function print(text: string): void {
  writeAll(1, `${text}\n`);
}

/** Prints a line on stderr. */
export function complain(text: string): void {
  writeAll(2, `${text}\n`);
}

/** Writes at once and in full, so that the process may exit right after. */
export function writeAll(descriptor: 1 | 2, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code === "EPIPE") return;
      // A pipe that its other end made non-blocking, and that is full.
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(1);
    }
  }
}

/** `text` in bold at a terminal that wants colours. */
export function bold(text: string): string {
  return styleText("bold", text, { stream: process.stdout });
}

/** `text` dimmed at a terminal that wants colours. */
export function dim(text: string): string {
  return styleText("dim", text, { stream: process.stdout });
}

/** Rows in aligned columns, by the width that characters have at a terminal. There, the last column is wrapped to fit. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => {
    const cells = [title, ...rows.map((row) => row[column] ?? "")];
    return Math.max(...cells.map((cell) => Bun.stringWidth(cell)));
  });
  const indent = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = (process.stdout.columns ?? Number.POSITIVE_INFINITY) - indent;

  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < cells.length - 1 ? pad(cell, widths[column] ?? 0) : wrap(cell, room, indent)))
      .join(GAP);
  return [dim(line(header)), ...rows.map(line)].join("\n");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - Bun.stringWidth(cell)));
}

function wrap(cell: string, room: number, indent: number): string {
  if (room < MIN_WRAP_COLUMNS || Bun.stringWidth(cell) <= room) return cell;
  return Bun.wrapAnsi(cell, room, { trim: true }).replaceAll("\n", `\n${" ".repeat(indent)}`);
}
