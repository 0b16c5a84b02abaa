import { expect, test } from "bun:test";
import { extractListings } from "./listings.ts";

const page = [
  "6. 客户端",
  "",
  "6.1 JavaScript客户端",
  "",
  "class One {}",
  "",
  "6.2 Python客户端",
  "",
  "# a comment",
  "class Two:",
  "    pass",
  "",
  "7. 监控",
];
const markdown = page.map((line) => (/^\d/.test(line) ? `## ${line}` : line));

test("listings are cut out of a page's text", () => {
  expect(extractListings(page.join("\n"))).toEqual({
    javascript: "class One {}\n",
    python: "# a comment\nclass Two:\n    pass\n",
  });
});

test("listings are cut out of Markdown, without the fences", () => {
  const fenced = markdown.flatMap((line) => (line.startsWith("class One") ? ["```js", line, "```"] : [line]));
  expect(extractListings(fenced.join("\r\n")).javascript).toBe("class One {}\n");
});

test("a document without them is refused", () => {
  expect(() => extractListings("6.1 JavaScript客户端\nclass One {}")).toThrow("6\\.2");
});
