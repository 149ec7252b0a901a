/** Timing helpers of the benchmark. @module */

/** The middle of the values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median milliseconds of `f` over at least `minRuns` runs and `minMs` milliseconds, after a warm-up. */
export async function timeMs(
  f: () => Promise<unknown> | unknown,
  { minRuns = 10, minMs = 1000 } = {},
): Promise<number> {
  for (let i = 0; i < 3; i++) await f();
  const times: number[] = [];
  let total = 0;
  while (times.length < minRuns || total < minMs) {
    const started = performance.now();
    await f();
    times.push(performance.now() - started);
    total += times[times.length - 1];
  }
  return median(times);
}

/** A Markdown table, its first column to the left and the others to the right. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length), 3));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const padded = rows.map((row) =>
    line(
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[i])),
    )
  );
  const rule = line(
    widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`),
  );
  return [padded[0], rule, ...padded.slice(1)].join("\n");
}
