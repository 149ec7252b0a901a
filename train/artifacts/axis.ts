/**
 * The scale of a chart's vertical axis. Errors and losses span decades and may be exactly 0, which no
 * logarithm has: a logarithmic axis then gets one more tick, "0", at its lower end.
 * @module
 */

/** The axis of one quantity. */
export interface ErrorAxis {
  /** Logarithmic where values span enough; linear where they do not or none is positive. */
  type: "log" | "linear";
  /** Its ends; left to Vega on a linear axis of several values. A logarithmic one draws 0 at the lower. */
  domain?: [low: number, high: number];
  /** Ticks of a logarithmic axis, and the text of each; left to Vega on a linear one. */
  ticks?: number[];
  labels?: string[];
  /** What the axis adds to its title. */
  note: string;
}

/** Ratio of the largest to the smallest positive value from which an axis is logarithmic. */
const LOG_FROM = 4;

/** The axis for values >= 0, at least one. */
export function errorAxis(values: readonly number[]): ErrorAxis {
  const positive = values.filter((value) => value > 0);
  const high = Math.max(...values), low = Math.min(...positive);
  if (high === Math.min(...values)) {
    return { type: "linear", domain: [0, high > 0 ? 1.05 * high : 1], note: "" };
  }
  if (high / low < LOG_FROM) return { type: "linear", note: "" };
  const ticks = logTicks(low, high), labels = ticks.map(String);
  if (positive.length === values.length) {
    return { type: "log", domain: [low, high], ticks, labels, note: "log scale" };
  }
  const foot = low / 2;
  return {
    type: "log",
    domain: [foot, high],
    ticks: [foot, ...ticks],
    labels: ["0", ...labels],
    note: "log scale, 0 at its foot",
  };
}

/** Round numbers in [low, high]: over three decades powers of ten alone, over one decade or less more. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low), ticks: number[] = [];
  const digits = decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 7];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of digits) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}
