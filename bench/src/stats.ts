/** An interval for the median of a sample. */
export interface MedianInterval {
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** The probability with which an interval made this way holds the true median; below 0.95 for fewer than 6 values. */
  readonly coverage: number;
}

/** What a paired ratio (ours / reference) must be for a goal to hold. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number };

/** `holds`: the interval reaches the goal and is narrow. `missed`: it does not reach it. `unsettled`: too wide to say, or too few rounds. */
export type Verdict = "holds" | "missed" | "unsettled";

/** How far either end of an interval may be from its median, as a share of the median, for a goal to count as held. */
export const NARROW = 0.1;

/** The middle value, or the mean of the two middle ones. NaN for an empty sample. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/**
 * The median with its 95 % confidence interval from order statistics: the k-th smallest to the k-th largest value, where
 * k is the largest rank that a fair coin allows. It is exact and supposes nothing about how the values are distributed,
 * only that rounds are independent. For 9 values it is the 2nd smallest to the 2nd largest (96.1 %).
 */
export function medianInterval(values: readonly number[], confidence = 0.95): MedianInterval {
  const sorted = values.toSorted((a, b) => a - b);
  const tail = (1 - confidence) / 2;
  let rank = 1;
  while (rank < sorted.length / 2 && coinCdf(sorted.length, rank) <= tail) rank++;
  return {
    low: sorted[rank - 1] ?? Number.NaN,
    median: median(sorted),
    high: sorted[sorted.length - rank] ?? Number.NaN,
    coverage: sorted.length === 0 ? 0 : 1 - 2 * coinCdf(sorted.length, rank - 1),
  };
}

/** Divides two samples round by round; rounds in which either is missing are left out. */
export function pairedRatios(
  numerators: readonly (number | undefined)[],
  denominators: readonly (number | undefined)[],
): number[] {
  const ratios: number[] = [];
  for (const [round, numerator] of numerators.entries()) {
    const denominator = denominators[round];
    if (numerator !== undefined && denominator !== undefined && denominator > 0) ratios.push(numerator / denominator);
  }
  return ratios;
}

/** Half the interval's width on its wider side, as a share of the median. */
export function spread({ low, median: middle, high }: MedianInterval): number {
  return Math.max(high - middle, middle - low) / middle;
}

/** Whether a goal holds: where the 95 % interval of the paired ratios reaches it and is narrower than ±10 %. */
export function judge(goal: Goal, interval: MedianInterval): Verdict {
  if (interval.coverage < 0.95) return "unsettled";
  const reaches = "atMost" in goal ? interval.low <= goal.atMost : interval.high >= goal.atLeast;
  if (!reaches) return "missed";
  return spread(interval) < NARROW ? "holds" : "unsettled";
}

/** Whether a change is no step back: where all of the interval is an improvement, or by the rule of {@link judge}. */
export function judgeChange(better: "lower" | "higher", interval: MedianInterval): Verdict {
  const improved = better === "lower" ? interval.high < 1 : interval.low > 1;
  if (improved && interval.coverage >= 0.95) return "holds";
  return judge(better === "lower" ? { atMost: 1 } : { atLeast: 1 }, interval);
}

/** The probability of at most `heads` heads in `tosses` tosses of a fair coin. */
function coinCdf(tosses: number, heads: number): number {
  let ways = 1;
  let sum = 0;
  for (let k = 0; k <= heads; k++) {
    sum += ways;
    ways = (ways * (tosses - k)) / (k + 1);
  }
  return sum / 2 ** tosses;
}
