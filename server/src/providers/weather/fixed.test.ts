import { expect, test } from "bun:test";
import { fixed } from "./fixed.ts";
import { noSignal } from "./weather.contract.ts";

test("fixed answers every city alike, at once", () => {
  expect(fixed.now("上海", noSignal)).toEqual({
    city: "上海",
    temp: "25",
    text: "晴",
    icon: "100",
    updateTime: "2023-01-01T12:00:00Z",
    provider: "fixed",
  });
});
