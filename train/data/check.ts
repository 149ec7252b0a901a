/**
 * What training and measuring refuse to read: values that are no probabilities, and labels of no class.
 * @module
 */
import { type Batch, type Examples, readRows } from "./examples.ts";

/** Rows that are read at once; bounds memory to some MiB. */
const ROWS = 500;

/** The smallest and largest value of examples. */
export interface ValueRange {
  low: number;
  high: number;
}

/** What values and labels must be. */
export interface ExampleBounds {
  /** Name of the examples in errors. */
  name: string;
  /** Any finite number is allowed where the units are Gaussian. */
  gaussian: boolean;
  /** Classes; labels are 0 … classes − 1. */
  classes: number;
}

/**
 * The range of all values of `examples`, each of them checked; one pass.
 * @throws {RangeError} naming the first value or label out of bounds and where it is, or if there are none.
 */
export function checkExamples(examples: Examples, bounds: ExampleBounds): ValueRange {
  const { name, gaussian, classes } = bounds, { count, labels } = examples;
  if (count === 0) {
    throw new RangeError(`Cannot train: ${name} must hold at least 1 example, got 0`);
  }
  const bad = labels.findIndex((label) => label >= classes);
  if (bad >= 0) {
    throw new RangeError(
      `Cannot train: labels must be 0 to ${classes - 1}, got ${labels[bad]} at ${name}[${bad}]`,
    );
  }
  const range = { low: Infinity, high: -Infinity };
  for (let first = 0; first < count; first += ROWS) {
    const rows = readRows(examples, first, Math.min(ROWS, count - first));
    checkRows(rows, { ...examples, name, gaussian, first });
    for (const x of rows) {
      if (x < range.low) range.low = x;
      if (x > range.high) range.high = x;
    }
  }
  return range;
}

/** @throws {RangeError} naming the first value of a batch's images that is not in [0, 1], or not finite. */
export function checkBatch({ source, inputs, size }: Batch, { gaussian }: { gaussian: boolean }) {
  if (!source) return checkRows(inputs, { size: inputs.length / size, name: "batch", gaussian });
  const { bytes, divisor } = source;
  if (gaussian || divisor >= 255 || bytes.every((byte) => byte <= divisor)) return;
  checkRows(Float32Array.from(bytes, (byte) => byte / divisor), {
    size: bytes.length / size,
    name: "batch",
  });
}

/** Where rows are from. */
interface RowsOrigin {
  size: number; // I
  /** Name of the examples in errors. */
  name: string;
  gaussian?: boolean;
  /** Index of the first row among the examples; 0 if left out. */
  first?: number;
}

/** @throws {RangeError} naming the first value of rows (N, I) that is not in [0, 1], or not finite. */
export function checkRows(rows: Float32Array, { size, name, gaussian, first = 0 }: RowsOrigin) {
  const allowed = gaussian ? Number.isFinite : (x: number) => x >= 0 && x <= 1; // NaN is neither
  for (let i = 0; i < rows.length; i++) {
    if (allowed(rows[i])) continue;
    const at = `${name}[${first + Math.floor(i / size)}], pixel ${i % size}`;
    throw new RangeError(
      gaussian
        ? `Values must be finite, got ${rows[i]} at ${at}`
        : `Values must be in [0, 1], got ${rows[i]} at ${at}; divide bytes by 255 (--divisor 255)`,
    );
  }
}
