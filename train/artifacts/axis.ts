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
  const ticks = logTicks(low, high), labels = ticks.map(label);
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

/** Scale and axis of a vertical channel as Vega-Lite takes them; a linear one around its values if undefined. */
export function verticalAxis(title: string, axis?: ErrorAxis) {
  const { type, domain, ticks, labels } = axis ?? {};
  const at = `indexof(${JSON.stringify(ticks)}, datum.value)`;
  return {
    scale: domain ? { type, domain, nice: false } : { zero: false },
    axis: ticks
      ? {
        title,
        values: ticks,
        labelOverlap: false,
        labelExpr: `${JSON.stringify(labels)}[${at}]`,
      }
      : { title, tickCount: 5 },
  };
}

/** Most powers of ten that have a tick each. */
const MAX_POWERS = 8;

/** Round numbers in [low, high]: over three decades powers of ten alone, over one decade or less more. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low), ticks: number[] = [];
  const digits = decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 7];
  const step = Math.ceil(decades / MAX_POWERS), last = Math.floor(Math.log10(high));
  for (let power = last; power >= Math.floor(Math.log10(low)); power -= step) {
    for (const digit of digits) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks.sort((a, b) => a - b);
}

function label(tick: number): string {
  return tick < 1e-3 || tick >= 1e5 ? tick.toExponential() : String(tick);
}
