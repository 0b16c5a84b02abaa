import { expect, test } from "bun:test";
import { asMarkdown, asText, figure } from "./table.ts";

test.each([
  [9.617, "9.62"],
  [9.996, "10.0"],
  [31.44, "31.4"],
  [99.97, "100"],
  [999.6, "1,000"],
  [3100, "3,100"],
  [9999.7, "10.0k"],
  [13_520, "13.5k"],
  [99_960, "100k"],
  [636_200, "636k"],
  [1_270_000, "1270k"],
  [0, "0.00"],
  [Number.NaN, "–"],
])("figure(%d) is %s", (value, text) => {
  expect(figure(value)).toBe(text);
});

test("a figure that is not there is a dash", () => {
  expect(figure(undefined)).toBe("–");
});

const ROWS = [
  ["", "ours", "bare"],
  ["CPU µs/msg", "10.2", "9.62"],
];

test("text columns line up", () => {
  expect(asText(ROWS)).toBe("            ours  bare\nCPU µs/msg  10.2  9.62");
});

test("Markdown has a head and a rule", () => {
  expect(asMarkdown(ROWS)).toBe("|  | ours | bare |\n| --- | ---: | ---: |\n| CPU µs/msg | 10.2 | 9.62 |");
});
