import { describe, expect, test } from "bun:test";
import { conditionOf } from "./wmo.ts";

describe("conditionOf", () => {
  test.each([
    [0, "晴", "100"],
    [3, "阴", "104"],
    [48, "雾", "501"],
    [65, "大雨", "307"],
    [77, "雪", "499"],
    [99, "雷阵雨伴有冰雹", "304"],
  ])("WMO %d is %s %s", (code, text, icon) => {
    expect(conditionOf(code, false)).toEqual({ text, icon });
  });

  test("only a clear sky differs at night", () => {
    expect(conditionOf(0, true)).toEqual({ text: "晴", icon: "150" });
    for (let code = 1; code < 100; code++) expect(conditionOf(code, true)).toEqual(conditionOf(code, false));
  });

  test("every WMO code has a text and an icon, those that are none are unknown", () => {
    const known = [
      0, 1, 2, 3, 45, 48, 51, 53, 55, 56, 57, 61, 63, 65, 66, 67, 71, 73, 75, 77, 80, 81, 82, 85, 86, 95, 96, 99,
    ];
    for (let code = -1; code < 101; code++) {
      const condition = conditionOf(code, false);
      if (known.includes(code)) expect(condition.icon).toMatch(/^[1345]\d\d$/);
      else expect(condition).toEqual({ text: "未知", icon: "999" });
    }
  });
});
