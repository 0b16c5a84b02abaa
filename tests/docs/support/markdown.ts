/** A fenced block of a page. */
export interface Block {
  readonly kind: "block";
  /** Where its fence opens, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Why it is not run. */
  readonly noRun: string | undefined;
  /** `file=NAME`: the reader saves it under that name; a later block runs it. */
  readonly file: string | undefined;
  /** `terminal=NAME`: the reader types it into a terminal of its own, and leaves it running. */
  readonly terminal: string | undefined;
  /** `output` or `output=TERMINAL`: what the last block, or that terminal, prints; `…` stands for anything. */
  readonly output: string | undefined;
}

/** `<!-- ctrl-c: NAME -->`: the reader ends what runs in that terminal. */
export interface Interrupt {
  readonly kind: "interrupt";
  readonly line: number;
  readonly terminal: string;
}

export type Step = Block | Interrupt;

/** The terminal of blocks that name none; its blocks are run to their end. */
export const MAIN_TERMINAL = "main";

const FENCE = /^( *)(`{3,})(\S*)[ \t]*(.*)$/;
const INTERRUPT = /^ *<!-- ctrl-c: (\S+) -->$/;
const NO_RUN_COMMENT = /^ *<!-- no-run: (.+) -->$/;

/** The blocks of a page, and what is to be interrupted between them, from top to bottom. */
export function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  const lines = markdown.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const interrupt = INTERRUPT.exec(lines[i] ?? "");
    if (interrupt?.[1]) steps.push({ kind: "interrupt", line: i + 1, terminal: interrupt[1] });

    const fence = FENCE.exec(lines[i] ?? "");
    if (fence === null) continue;
    const [, indent = "", ticks = "", language = "", info = ""] = fence;
    const end = lines.findIndex((line, at) => at > i && line.trim() === ticks);
    if (end < 0) throw new Error(`line ${i + 1}: this block is never closed`);
    const code = lines.slice(i + 1, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    steps.push({ kind: "block", line: i + 1, language, code: code.join("\n"), ...read(info, lines[i - 1] ?? "") });
    i = end;
  }
  return steps;
}

function read(info: string, lineAbove: string) {
  const [words = "", inInfo] = info.split(/(?:^|\s)no-run: /);
  const [, inComment] = NO_RUN_COMMENT.exec(lineAbove) ?? [];
  const member = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`).exec(words)?.[1];
  const isOutput = /(?:^|\s)output(?:\s|$)/.test(words);
  return {
    noRun: inInfo ?? inComment,
    file: member("file"),
    terminal: member("terminal"),
    output: member("output") ?? (isOutput ? MAIN_TERMINAL : undefined),
  };
}
