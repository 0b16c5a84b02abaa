import { describe, expect, test } from "bun:test";
import { followPage, isRunnable, SHOWN_LANGUAGES } from "./support/follow-page.ts";
import { type Block, stepsOf } from "./support/markdown.ts";
import { pages, readPage } from "./support/pages.ts";
import { doTheSame, originalOf } from "./support/twins.ts";

/** Blocks that cannot be run. None so far: raise it only for a reason that stands beside the block. */
const MOST_NOT_RUN = 0;
const PAGE_TIMEOUT_MS = 300_000;

interface Page {
  readonly name: string;
  readonly markdown: string;
  readonly blocks: readonly Block[];
}

const all: readonly Page[] = await Promise.all(
  pages().map(async (name) => {
    const markdown = await readPage(name);
    return { name, markdown, blocks: stepsOf(markdown).filter((step) => step.kind === "block") };
  }),
);

describe("a reader who follows the page gets there:", () => {
  for (const { name, markdown, blocks } of all) {
    if (!blocks.some((block) => isRunnable(block) && block.noRun === undefined)) continue;
    const original = all.find((page) => page.name === originalOf(name));
    if (original !== undefined && doTheSame(original.markdown, markdown)) continue;
    test(name, () => followPage(markdown), PAGE_TIMEOUT_MS);
  }
});

test("few blocks are not run, each for a reason", () => {
  const notRun = all.flatMap(({ name, blocks }) =>
    blocks.filter(({ noRun }) => noRun !== undefined).map(({ line, noRun }) => `${name}:${line} ${noRun}`),
  );
  expect(notRun.length, notRun.join("\n")).toBeLessThanOrEqual(MOST_NOT_RUN);
});

test("every block is of a language that is run, or that is known not to be", () => {
  const unknown = all.flatMap(({ name, blocks }) =>
    blocks
      .filter((block) => !isRunnable(block) && !SHOWN_LANGUAGES.has(block.language))
      .map(({ line, language }) => `${name}:${line} ${language || "(none)"}`),
  );
  expect(unknown).toEqual([]);
});

test("a file that a page has its reader save is run by a later block", () => {
  const idle = all.flatMap(({ name, blocks }) =>
    blocks
      .filter(({ file, line }) => file && !blocks.some((later) => later.line > line && later.code.includes(file)))
      .map(({ file, line }) => `${name}:${line} ${file}`),
  );
  expect(idle).toEqual([]);
});
