/**
 * Histograms of numbers, small enough for a line of a log.
 * @module
 */

/** Counts of numbers in bins of equal width from `low` to `high`, which are the smallest and largest. */
export interface Histogram {
  /** The smallest number. */
  low: number;
  /** The largest number. */
  high: number;
  /** Numbers in each bin. */
  counts: number[];
}

const BINS = 31;

/** The histogram of `values`, of which there must be at least one. */
export function histogram(values: Float32Array, bins = BINS): Histogram {
  let low = Infinity, high = -Infinity;
  for (const x of values) {
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  const counts = new Array<number>(bins).fill(0), width = (high - low) / bins || 1;
  for (const x of values) counts[Math.min(bins - 1, Math.floor((x - low) / width))]++;
  return { low: rounded(low), high: rounded(high), counts };
}

function rounded(x: number): number {
  return Number(x.toPrecision(4));
}
