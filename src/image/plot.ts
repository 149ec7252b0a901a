/**
 * Line plots and filter pictures as PNG, without a canvas.
 * @module
 */
import { drawText, textWidth } from "./font.ts";
import { type GridOptions, toGridPng } from "./grid.ts";
import { encodeRgbPng } from "./encode_png.ts";

// V visible, H hidden

/** One line of a plot. */
export interface Series {
  name: string;
  x: readonly number[];
  y: readonly number[];
}

/** What a plot shows; lengths in pixels. */
export interface PlotOptions {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly Series[];
  /** @default 840 */
  width?: number;
  /** @default 420 */
  height?: number;
  /** Logarithmic y axis; every y must be > 0. */
  logY?: boolean;
}

type Colour = readonly [number, number, number];

/** Okabe and Ito (2008), distinguishable with every kind of colour vision. */
const palette: Colour[] = [
  [0, 114, 178],
  [230, 159, 0],
  [0, 158, 115],
  [213, 94, 0],
  [204, 121, 167],
  [86, 180, 233],
  [120, 120, 120],
];
/** Pixels on and off of the lines past the palette's end, which has its colours again. */
const DASH = 6;
const INK: Colour = [40, 40, 40];
const RULE: Colour = [225, 225, 225];
const MARGIN = { left: 76, right: 16, top: 28, bottom: 44 };
/** Width of a legend's lines and the space around them. */
const LEGEND_PADDING = 40;

/** Draws lines with axes, ticks and a legend. @throws {RangeError} if there is nothing to draw. */
export function linePlot(options: PlotOptions): Uint8Array {
  const { title, xLabel, yLabel, series, width = 840, height = 420, logY = false } = options;
  const points = series.flatMap(({ x, y }) => x.map((value, i) => [value, y[i]]));
  if (points.length === 0) throw new RangeError("Cannot plot: there is no point");
  if (logY && points.some(([, y]) => !(y > 0))) {
    throw new RangeError("Cannot plot: every y must be > 0 on a logarithmic axis");
  }
  const canvas = new Canvas(width, height);
  const legendWidth = LEGEND_PADDING + Math.max(...series.map(({ name }) => textWidth(name)));
  const right = width - MARGIN.right - legendWidth, bottom = height - MARGIN.bottom;
  const scaleX = axis(points.map(([x]) => x), MARGIN.left, right, false);
  const scaleY = axis(points.map(([, y]) => y), bottom, MARGIN.top, logY);
  for (const tick of scaleX.ticks) {
    canvas.line(scaleX.at(tick), MARGIN.top, scaleX.at(tick), bottom, RULE);
    canvas.text(format(tick), scaleX.at(tick), bottom + 6, "centre");
  }
  for (const tick of scaleY.ticks) {
    canvas.line(MARGIN.left, scaleY.at(tick), right, scaleY.at(tick), RULE);
    canvas.text(format(tick), MARGIN.left - 6, scaleY.at(tick) - 3, "right");
  }
  canvas.line(MARGIN.left, bottom, right, bottom, INK);
  canvas.line(MARGIN.left, MARGIN.top, MARGIN.left, bottom, INK);
  series.forEach(({ x, y }, i) => {
    const { colour, dash } = stroke(i);
    for (let p = 0; p < x.length; p++) {
      const [px, py] = [scaleX.at(x[p]), scaleY.at(y[p])];
      if (p > 0) canvas.line(scaleX.at(x[p - 1]), scaleY.at(y[p - 1]), px, py, colour, 2, dash);
      canvas.dot(px, py, x.length === 1 ? 3 : 1, colour);
    }
  });
  canvas.text(title, (MARGIN.left + right) / 2, 10, "centre");
  canvas.text(xLabel, (MARGIN.left + right) / 2, height - 16, "centre");
  canvas.text(yLabel, 6, 10, "left");
  drawLegend(canvas, series, right);
  return encodeRgbPng(canvas.data, width, height);
}

/**
 * Columns of W (V, H) as pictures, each scaled so that 0 is mid-grey and its largest weight black or
 * white.
 */
export function filterGrid(
  weights: Float32Array,
  { height, width, count, ...options }: GridOptions & {
    height: number;
    width: number;
    count: number;
  },
): Uint8Array {
  const visible = height * width, hidden = weights.length / visible;
  if (!Number.isInteger(hidden) || count > hidden) {
    throw new RangeError(
      `Cannot draw filters: need ${count} columns of ${visible} weights, got ${weights.length} numbers`,
    );
  }
  const images = new Float32Array(count * visible);
  for (let unit = 0; unit < count; unit++) {
    let largest = 1e-12;
    for (let i = 0; i < visible; i++) {
      largest = Math.max(largest, Math.abs(weights[i * hidden + unit]));
    }
    for (let i = 0; i < visible; i++) {
      images[unit * visible + i] = 0.5 + 0.5 * weights[i * hidden + unit] / largest;
    }
  }
  return toGridPng(images, { ...options, height, width });
}

/** Maps data to pixels, with round ticks. */
function axis(values: number[], from: number, to: number, log: boolean) {
  const f = log ? Math.log10 : (x: number) => x;
  let low = f(Math.min(...values)), high = f(Math.max(...values));
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  if (log) [low, high] = [Math.floor(low * 10) / 10, Math.ceil(high * 10) / 10];
  const at = (value: number) => Math.round(from + (to - from) * (f(value) - low) / (high - low));
  return { at, ticks: log ? logTicks(low, high) : linearTicks(low, high) };
}

/** Multiples of 1, 2 or 5 times a power of ten, about six of them. */
function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough)!;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    ticks.push(i * step);
  }
  return ticks;
}

function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const digit of high - low > 3 ? [1] : [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (Math.log10(tick) >= low - 1e-9 && Math.log10(tick) <= high + 1e-9) ticks.push(tick);
    }
  }
  return ticks;
}

function format(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0);
  return String(Number(value.toPrecision(4)));
}

function stroke(i: number): { colour: Colour; dash: number } {
  return { colour: palette[i % palette.length], dash: i < palette.length ? 0 : DASH };
}

/** The series' names, to the right of the axes. */
function drawLegend(canvas: Canvas, series: readonly Series[], right: number): void {
  series.forEach(({ name }, i) => {
    const y = MARGIN.top + 8 + 14 * i;
    const { colour, dash } = stroke(i);
    canvas.line(right + 12, y, right + 30, y, colour, 3, dash);
    canvas.text(name, right + 36, y - 3, "left");
  });
}

/** An RGB image, white at first. */
class Canvas {
  readonly data: Uint8Array;

  constructor(readonly width: number, readonly height: number) {
    this.data = new Uint8Array(width * height * 3).fill(255);
  }

  point(x: number, y: number, colour: Colour): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    this.data.set(colour, 3 * (y * this.width + x));
  }

  fill(left: number, top: number, right: number, bottom: number, colour: Colour): void {
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) this.point(x, y, colour);
  }

  dot(x: number, y: number, radius: number, colour: Colour): void {
    this.fill(x - radius, y - radius, x + radius + 1, y + radius + 1, colour);
  }

  line(
    x0: number,
    y0: number,
    x1: number,
    y1: number,
    colour: Colour,
    thickness = 1,
    dash = 0, // 0 for a line without gaps
  ): void {
    const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    const steep = Math.abs(y1 - y0) > Math.abs(x1 - x0);
    for (let i = 0; i <= steps; i++) {
      if (dash > 0 && Math.floor(i / dash) % 2 > 0) continue;
      const x = Math.round(x0 + (x1 - x0) * i / steps), y = Math.round(y0 + (y1 - y0) * i / steps);
      for (let t = 0; t < thickness; t++) {
        const shift = t - (thickness >> 1);
        this.point(steep ? x + shift : x, steep ? y : y + shift, colour);
      }
    }
  }

  text(text: string, x: number, y: number, align: "left" | "centre" | "right"): void {
    const shift = { left: 0, centre: 0.5, right: 1 }[align] * textWidth(text);
    drawText(text, Math.round(x - shift), Math.round(y), (px, py) => this.point(px, py, INK));
  }
}
