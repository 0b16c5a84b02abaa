import { describe, expect, test } from "bun:test";
import { documents, readPage } from "./support/pages.ts";
import { headingLevels, twinOf } from "./support/twins.ts";

/** What stands in English alone: the reference is generated, and decisions are for those who change the code. */
const ENGLISH_ALONE = /^docs\/(reference|explain\/adr|zh)\//;

const files = documents();
const english = ["README.md", ...files.filter((file) => file.endsWith(".md") && !ENGLISH_ALONE.test(file)).sort()];
const chinese = files.filter((file) => file.startsWith("docs/zh/") && file.endsWith(".md"));

test("every page is there in English and in Chinese", () => {
  expect(chinese.sort()).toEqual(
    english
      .map(twinOf)
      .filter((page) => page.startsWith("docs/"))
      .sort(),
  );
});

describe.each(english)("%s and its twin", (page) => {
  const both = async () => Promise.all([readPage(page), readPage(twinOf(page))]);

  test("have the same headings, as far as numbers go", async () => {
    const [one, other] = await both();
    expect(headingLevels(other)).toEqual(headingLevels(one));
  });

  test("have the same blocks, in the same languages", async () => {
    const [one, other] = await both();
    expect(fences(other)).toEqual(fences(one));
  });

  test("have tables of the same size", async () => {
    const [one, other] = await both();
    expect(rows(other)).toEqual(rows(one));
  });

  test("lead to each other", async () => {
    const [one, other] = await both();
    expect([one.includes("[中文]("), other.includes("[English](")]).toEqual([true, true]);
  });
});

/** The info strings of all blocks, in order. */
function fences(markdown: string): string[] {
  return [...markdown.matchAll(/^```(\w.*)$/gm)].map(([, info = ""]) => info);
}

/** How many rows of tables there are in all. */
function rows(markdown: string): number {
  return [...markdown.matchAll(/^\|.*\|$/gm)].length;
}
