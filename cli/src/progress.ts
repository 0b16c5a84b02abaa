import { writeAll } from "./output.ts";

/** A line on stderr that is written over as the work goes on; at a terminal alone. */
export class ProgressLine {
  #shown = "";

  show(text: string): void {
    if (!process.stderr.isTTY || text === this.#shown) return;
    writeAll(2, `\r\u001b[K${text}`);
    this.#shown = text;
  }

  clear(): void {
    if (this.#shown !== "") writeAll(2, "\r\u001b[K");
    this.#shown = "";
  }
}

/** `[████      ]  40 %`; it says 100 % only when everything is done. */
export function bar(done: number, total: number, width = 30): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(part * width);
  return `[${"█".repeat(filled)}${" ".repeat(width - filled)}] ${String(Math.floor(part * 100)).padStart(3)} %`;
}
