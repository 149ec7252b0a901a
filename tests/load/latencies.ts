/**
 * Latencies of one kind of request, kept in a high-dynamic-range histogram of three digits.
 * @module
 */
import { createHistogram } from "node:perf_hooks";

/** What one kind of request met. */
export class Latencies {
  readonly #microseconds = createHistogram();
  readonly #statuses = new Map<string, number>();

  constructor(readonly kind: string) {}

  /**
   * Counts one answer.
   * @param outcome its status, or in words what came instead
   * @param ms from when it was due to its last byte
   */
  record(outcome: string, ms: number): void {
    this.#statuses.set(outcome, (this.#statuses.get(outcome) ?? 0) + 1);
    this.#microseconds.record(Math.max(1, Math.round(1000 * ms)));
  }

  get count(): number {
    return this.#microseconds.count as number;
  }

  /** Latency in ms that `percent` of all requests did not pass; 100 is the longest. */
  percentile(percent: number): number {
    return this.count === 0 ? NaN : this.#microseconds.percentile(percent) / 1000;
  }

  /** How often each outcome came, the most frequent first. */
  outcomes(): [outcome: string, count: number][] {
    return [...this.#statuses].sort(([, a], [, b]) => b - a);
  }
}
