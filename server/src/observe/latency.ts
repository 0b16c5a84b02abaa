/** Buckets of a decade, each a tenth to a hundredth of its values wide. */
const PER_DECADE = 90;
/** From 1 µs to 100 s; what took longer is in the last. */
const BUCKETS = 100 + 6 * PER_DECADE;

/**
 * How long something took, in fixed buckets that get wider as the values do: 1 µs below 100 µs, then two digits of
 * every value. Adding one costs no allocation; a percentile is at most 10 % too high.
 */
export class Latency {
  readonly #counts = new Float64Array(BUCKETS);
  count = 0;
  /** Milliseconds, all together. */
  sum = 0;
  /** Milliseconds. */
  max = 0;

  add(durationMs: number): void {
    const bucket = bucketOf(durationMs);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.count += 1;
    this.sum += durationMs;
    if (durationMs > this.max) this.max = durationMs;
  }

  /** Milliseconds that `share` (0 to 1) of all stayed within; 0 when there was nothing. */
  percentile(share: number): number {
    const rank = Math.ceil(share * this.count);
    if (rank === 0) return 0;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS - 1; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank) return Math.min(startOf(bucket + 1), this.max);
    }
    return this.max;
  }

  /** How many took less than `ms`; exact where `ms` has two digits at most. */
  below(ms: number): number {
    const end = bucketOf(ms);
    let count = 0;
    for (let bucket = 0; bucket < end; bucket++) count += this.#counts[bucket] ?? 0;
    return count;
  }
}

function bucketOf(ms: number): number {
  const micros = ms * 1000;
  let width = 1;
  let offset = 0;
  while (micros >= 100 * width) {
    width *= 10;
    offset += PER_DECADE;
    if (offset > BUCKETS) return BUCKETS - 1;
  }
  return Math.min(offset + ((micros / width) | 0), BUCKETS - 1);
}

/** The least value of a bucket, milliseconds. */
function startOf(bucket: number): number {
  const decade = Math.max(0, Math.floor((bucket - 100) / PER_DECADE) + 1);
  return ((bucket - decade * PER_DECADE) * 10 ** decade) / 1000;
}
