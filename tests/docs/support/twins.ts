import { stepsOf } from "./markdown.ts";

/** The Chinese page of an English one. */
export function twinOf(page: string): string {
  return page === "README.md" ? "README.zh-CN.md" : page.replace(/^docs\//, "docs/zh/");
}

/** The English page of a Chinese one, or undefined for a page in English. */
export function originalOf(page: string): string | undefined {
  if (page === "README.zh-CN.md") return "README.md";
  return page.startsWith("docs/zh/") ? page.replace(/^docs\/zh\//, "docs/") : undefined;
}

/** The levels of the headings, in order, without what looks like one inside a block. */
export function headingLevels(markdown: string): number[] {
  const prose = markdown.replace(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/^(#+) /gm)].map(([, marks = ""]) => marks.length);
}

/** Whether two pages have their reader do the same, to the letter: then following one of them shows both. */
export function doTheSame(one: string, other: string): boolean {
  return Bun.deepEquals(stepsOf(one).map(withoutPlace), stepsOf(other).map(withoutPlace));
}

/** A step, wherever it stands. */
function withoutPlace(step: ReturnType<typeof stepsOf>[number]): object {
  return { ...step, line: 0 };
}
