/**
 * Weight matrices as models hold them: float32, or 8-bit integers with a scale a column. Training knows
 * the first kind alone.
 * @module
 */
import { checkShape } from "./matrix.ts";

// R rows, C columns

/** A matrix w = values · scale of the column. */
export interface ScaledMatrix {
  /** Integers (R, C). */
  values: Int8Array;
  /** A scale a column (C), finite and above 0. */
  scales: Float32Array;
}

/** A matrix (R, C) in row-major order. */
export type WeightMatrix = Float32Array | ScaledMatrix;

/** Whether a matrix is of 8-bit integers. */
export function isScaled(matrix: WeightMatrix): matrix is ScaledMatrix {
  return !(matrix instanceof Float32Array);
}

/** R · C. */
export function weightCount(matrix: WeightMatrix): number {
  return isScaled(matrix) ? matrix.values.length : matrix.length;
}

/** Entries in float32 by row and column: in these every engine agrees on the matrix. */
export function entriesOf(
  matrix: WeightMatrix,
  columns: number,
): (row: number, column: number) => number {
  if (!isScaled(matrix)) return (row, column) => matrix[row * columns + column];
  const { values, scales } = matrix;
  return (row, column) => Math.fround(values[row * columns + column] * scales[column]);
}

/** The same in an array: the matrix itself where it is of float32. */
export function expandMatrix(matrix: WeightMatrix): Float32Array {
  if (!isScaled(matrix)) return matrix;
  const { values, scales } = matrix;
  return expandRows(new Float32Array(values.length), matrix, { first: 0, columns: scales.length });
}

/** The same of some rows: as many, from the row `first` on, as `out` has room for. */
export function expandRows(
  out: Float32Array,
  matrix: WeightMatrix,
  { first, columns }: { first: number; columns: number },
): Float32Array {
  const from = first * columns;
  if (!isScaled(matrix)) {
    out.set(matrix.subarray(from, from + out.length));
    return out;
  }
  const { values, scales } = matrix;
  for (let row = 0; row < out.length; row += columns) {
    for (let j = 0; j < columns; j++) out[row + j] = values[from + row + j] * scales[j];
  }
  return out;
}

/** @throws {RangeError} if a matrix is not of that shape. */
export function checkMatrix(
  what: string,
  matrix: WeightMatrix,
  rows: number,
  columns: number,
): void {
  if (!isScaled(matrix)) return checkShape(what, matrix, rows, columns);
  checkShape(what, matrix.values, rows, columns);
  checkShape(`scales of ${what}`, matrix.scales, 1, columns);
}
