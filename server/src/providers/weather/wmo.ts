/** What the sky does, in words and as a QWeather icon code. */
export interface Condition {
  readonly text: string;
  readonly icon: string;
}

const UNKNOWN: Condition = { text: "未知", icon: "999" };
const CLEAR_NIGHT: Condition = { text: "晴", icon: "150" };

/** WMO weather interpretation codes, as Open-Meteo gives them, by day. */
const CONDITIONS: ReadonlyMap<number, Condition> = new Map([
  [0, { text: "晴", icon: "100" }],
  [1, { text: "少云", icon: "102" }],
  [2, { text: "多云", icon: "101" }],
  [3, { text: "阴", icon: "104" }],
  [45, { text: "雾", icon: "501" }],
  [48, { text: "雾", icon: "501" }],
  [51, { text: "毛毛雨", icon: "309" }],
  [53, { text: "毛毛雨", icon: "309" }],
  [55, { text: "毛毛雨", icon: "309" }],
  [56, { text: "冻雨", icon: "313" }],
  [57, { text: "冻雨", icon: "313" }],
  [61, { text: "小雨", icon: "305" }],
  [63, { text: "中雨", icon: "306" }],
  [65, { text: "大雨", icon: "307" }],
  [66, { text: "冻雨", icon: "313" }],
  [67, { text: "冻雨", icon: "313" }],
  [71, { text: "小雪", icon: "400" }],
  [73, { text: "中雪", icon: "401" }],
  [75, { text: "大雪", icon: "402" }],
  [77, { text: "雪", icon: "499" }],
  [80, { text: "阵雨", icon: "300" }],
  [81, { text: "阵雨", icon: "300" }],
  [82, { text: "强阵雨", icon: "301" }],
  [85, { text: "阵雪", icon: "407" }],
  [86, { text: "阵雪", icon: "407" }],
  [95, { text: "雷阵雨", icon: "302" }],
  [96, { text: "雷阵雨伴有冰雹", icon: "304" }],
  [99, { text: "雷阵雨伴有冰雹", icon: "304" }],
]);

/** The condition that a WMO code means; 未知 for a code outside the table. Only the clear sky looks different at night. */
export function conditionOf(code: number, night: boolean): Condition {
  if (code === 0 && night) return CLEAR_NIGHT;
  return CONDITIONS.get(code) ?? UNKNOWN;
}
