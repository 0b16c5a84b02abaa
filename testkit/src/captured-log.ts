import { Mailbox } from "./mailbox.ts";

/** A line of the log. */
export interface LogLine {
  /** pino's number: 20 debug, 30 info, 40 warn, 50 error. */
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

const ERROR_LEVEL = 50;

/** The gateway's log, kept to be searched. */
export class CapturedLog {
  readonly #lines = new Mailbox<LogLine>();
  /** All of it, as it would be on stderr. */
  text = "";

  /** What pino writes to. */
  write(line: string): void {
    this.text += line;
    this.#lines.push(JSON.parse(line) as LogLine);
  }

  get lines(): readonly LogLine[] {
    return this.#lines.all;
  }

  /** Lines that say that something of ours went wrong. */
  get errors(): readonly LogLine[] {
    return this.lines.filter(({ level }) => level >= ERROR_LEVEL);
  }

  /** Lines with that message. */
  saying(msg: string): readonly LogLine[] {
    return this.lines.filter((line) => line.msg === msg);
  }

  /** The next line with that message, as soon as it is there; those before it are passed over. */
  next(msg: string): Promise<LogLine> {
    return this.#lines.nextWhere((line) => line.msg === msg);
  }
}
