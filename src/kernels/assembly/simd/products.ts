/**
 * Matrix products of panels by the fused multiply-add of relaxed SIMD, for training alone.
 *
 * The first operand is given by columns (count, rows), so that one load brings four rows: transposing a
 * panel costs little beside a product.
 *
 * Operands come as plain numbers, not in structs: these are the innermost loops, called for a few rows each.
 * @module
 */
import { PANEL, ROW_BYTES } from "./panel";

/** Bytes of 32 × 32 floats. */
export const BLOCK_BYTES: i32 = PANEL * ROW_BYTES;
/** Rows of two operands that fit the first cache together, for 100 rows of a batch. */
const CACHED_ROWS: i32 = 64;

/**
 * out (rows, 32) += aᵀ·w for a (count, aRows) and w (count, 32), in parts that stay in the first
 * cache; `rows` counts up to the next multiple of 4.
 */
export function addProduct(
  out: usize,
  a: usize,
  aRows: i32,
  w: usize,
  count: i32,
  rows: i32,
): void {
  const stride = aRows << 2;
  for (let first = 0; first < count; first += CACHED_ROWS) {
    const some = min(CACHED_ROWS, count - first);
    const aPart = a + first * stride, wPart = w + first * ROW_BYTES;
    for (let row = 0; row < rows; row += 4) {
      const to = out + row * ROW_BYTES;
      for (let part = 0; part < ROW_BYTES; part += 32) {
        addProduct4x8(to + part, aPart + (row << 2), stride, wPart + part, some);
      }
    }
  }
}

/**
 * Four rows by eight columns: out += Σ over `count` of aᵀ·w. Four neighbours of a are the four rows;
 * the sum runs over rows of a, `stride` bytes apart, and of w, 128 bytes apart.
 */
export function addProduct4x8(out: usize, a: usize, stride: i32, w: usize, count: i32): void {
  let a00 = v128.load(out), a01 = v128.load(out, 16);
  let a10 = v128.load(out, 128), a11 = v128.load(out, 144);
  let a20 = v128.load(out, 256), a21 = v128.load(out, 272);
  let a30 = v128.load(out, 384), a31 = v128.load(out, 400);
  for (const end = w + count * ROW_BYTES; w < end; w += ROW_BYTES, a += stride) {
    const four = v128.load(a), w0 = v128.load(w), w1 = v128.load(w, 16);
    let v = v128.shuffle<i32>(four, four, 0, 0, 0, 0);
    a00 = f32x4.relaxed_madd(v, w0, a00), a01 = f32x4.relaxed_madd(v, w1, a01);
    v = v128.shuffle<i32>(four, four, 1, 1, 1, 1);
    a10 = f32x4.relaxed_madd(v, w0, a10), a11 = f32x4.relaxed_madd(v, w1, a11);
    v = v128.shuffle<i32>(four, four, 2, 2, 2, 2);
    a20 = f32x4.relaxed_madd(v, w0, a20), a21 = f32x4.relaxed_madd(v, w1, a21);
    v = v128.shuffle<i32>(four, four, 3, 3, 3, 3);
    a30 = f32x4.relaxed_madd(v, w0, a30), a31 = f32x4.relaxed_madd(v, w1, a31);
  }
  v128.store(out, a00), v128.store(out, a01, 16);
  v128.store(out, a10, 128), v128.store(out, a11, 144);
  v128.store(out, a20, 256), v128.store(out, a21, 272);
  v128.store(out, a30, 384), v128.store(out, a31, 400);
}

/** `to` (32, toRows) ← a panel `from` (rows, 32) transposed. */
export function transposePanel(to: usize, from: usize, toRows: i32, rows: i32): void {
  const stride = toRows << 2;
  for (let row = 0; row < rows; row += 4, from += 4 * ROW_BYTES, to += 16) {
    let out = to;
    for (let at = from; at < from + ROW_BYTES; at += 16, out += 4 * stride) {
      transpose4x4(out, stride, at, ROW_BYTES);
    }
  }
}

/** out (32, 32) ← in (32, 32) transposed, both with rows of 128 bytes. */
export function transpose32x32(out: usize, from: usize): void {
  transposePanel(out, from, PANEL, PANEL);
}

// @inline
function transpose4x4(out: usize, outStride: i32, from: usize, stride: i32): void {
  const a = v128.load(from), b = v128.load(from + stride);
  const c = v128.load(from + 2 * stride), d = v128.load(from + 3 * stride);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ef = v128.shuffle<i32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(out + outStride, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(out + 2 * outStride, v128.shuffle<i64>(ef, gh, 0, 2));
  v128.store(out + 3 * outStride, v128.shuffle<i64>(ef, gh, 1, 3));
}
