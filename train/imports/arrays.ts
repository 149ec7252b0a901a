/**
 * Arrays of numbers as other programs save them, in float32 and row-major order.
 * @module
 */
import { float16Value } from "../../src/format/float16.ts";
import { cut, shown } from "../../src/outside/shown.ts";

/** An array out of a file. */
export interface NumberArray {
  /** As the file calls it, such as `0.weight`. */
  name: string;
  shape: readonly number[];
  data: Float32Array; // in row-major order
}

/** A file that does not hold what is to be imported. */
export class ImportError extends Error {
  /** Tells it from other errors. */
  override name = "ImportError";
}

/** How numbers are stored. */
export type FloatKind = "F16" | "BF16" | "F32" | "F64";

/** Bytes of a number. */
export const floatBytes: Readonly<Record<FloatKind, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

/** The most bytes that a file to import, or what its archive unpacks to, may hold. */
export const MAX_IMPORT_BYTES = 512 * 1024 * 1024; // a version's largest file in float64

/** Where an array's numbers are, for errors. */
export interface ArrayPlace {
  /** Name of the file in errors. */
  file: string;
  /** Name of the array. */
  array: string;
}

/**
 * Numbers of bytes, rounded to float32.
 * @throws {ImportError} naming the first that is NaN, infinite or too large for float32.
 */
export function decodeFloats(
  bytes: Uint8Array,
  { kind, littleEndian = true }: { kind: FloatKind; littleEndian?: boolean },
  place: ArrayPlace,
): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), size = floatBytes[kind];
  const read = {
    F16: (at: number) => float16Value(view.getUint16(at, littleEndian)),
    BF16: (at: number) => widened(view.getUint16(at, littleEndian)),
    F32: (at: number) => view.getFloat32(at, littleEndian),
    F64: (at: number) => view.getFloat64(at, littleEndian),
  }[kind];
  const out = new Float32Array(bytes.length / size);
  for (let i = 0; i < out.length; i++) {
    const value = read(i * size);
    out[i] = value;
    if (Number.isFinite(out[i])) continue;
    fail(place, `must hold finite numbers of float32, got ${value} at index ${i}`);
  }
  return out;
}

const word = new DataView(new ArrayBuffer(4));

/** A bfloat16: the upper half of a float32. */
function widened(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** Numbers in an array of that shape; infinite for good where that is not exact. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => {
    const next = product * size;
    return Number.isSafeInteger(next) ? next : Infinity;
  }, 1);
}

/** Whether a value is a shape: sizes of at least 0. */
export function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** @throws {ImportError} naming the array and both shapes unless it has so many sizes, none of them 0. */
export function checkRank({ name, shape }: NumberArray, rank: 1 | 2, file: string): void {
  if (shape.length === rank && !shape.includes(0)) return;
  const needed = rank === 1 ? "one size" : "two sizes";
  fail({ file, array: name }, `must have a shape of ${needed} above 0, got ${shapeText(shape)}`);
}

/** (rows, columns) → (columns, rows). */
export function transposed(
  { data, shape: [rows, columns] }: Pick<NumberArray, "data" | "shape">,
): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  }
  return out;
}

/** A shape as messages show it. */
export function shapeText(shape: readonly number[]): string {
  return `(${cut(shape.join(", "))})`;
}

/** @throws {ImportError} naming file and array */
export function fail({ file, array }: ArrayPlace, reason: string): never {
  throw new ImportError(`Cannot import ${file}: array ${shown(array)} ${reason}`);
}

/** @throws {ImportError} naming the file */
export function failFile(file: string, reason: string): never {
  throw new ImportError(`Cannot import ${file}: ${reason}`);
}
