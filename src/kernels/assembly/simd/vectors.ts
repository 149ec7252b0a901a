/**
 * Loops over vectors of floats; a row is the 32 floats of a panel's.
 * @module
 */
import { ROW_BYTES } from "./panel";

/** A row of zeros. */
export const ZEROS: usize = memory.data(128, 16);

/** to (32) ← to + scale · from */
// @inline
export function addScaled(to: usize, from: usize, scale: f32): void {
  const s = f32x4.splat(scale);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    v128.store(to + at, f32x4.add(v128.load(to + at), f32x4.mul(s, v128.load(from + at))));
  }
}

/** to (32) ← to + row */
export function addRow(to: usize, row: usize): void {
  for (let at = 0; at < ROW_BYTES; at += 16) {
    v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(row + at)));
  }
}

/** to (32) ← to − row */
export function subtractRow(to: usize, row: usize): void {
  for (let at = 0; at < ROW_BYTES; at += 16) {
    v128.store(to + at, f32x4.sub(v128.load(to + at), v128.load(row + at)));
  }
}

/** out ← from + share · (to − from), of so many bytes, a multiple of 16 */
export function blend(out: usize, from: usize, to: usize, share: f32, bytes: i32): void {
  const scale = f32x4.splat(share);
  for (let at = 0; at < bytes; at += 16) {
    const start = v128.load(from + at);
    const way = f32x4.mul(scale, f32x4.sub(v128.load(to + at), start));
    v128.store(out + at, f32x4.add(start, way));
  }
}

/** Σ of `count` floats, from the first to the last. */
export function sumFloats(from: usize, count: i32): f32 {
  let sum: f32 = 0;
  for (const end = from + (count << 2); from < end; from += 4) sum += load<f32>(from);
  return sum;
}

/** Bits of the 32 units whose uniform is below their probability; padding has probability 0. */
// @inline
export function below32(u: usize, p: usize): u32 {
  return <u32> (below16(u, p) | below16(u + 64, p + 64) << 16);
}

// @inline
function below16(u: usize, p: usize): i32 {
  const m0 = f32x4.lt(v128.load(u), v128.load(p)),
    m1 = f32x4.lt(v128.load(u, 16), v128.load(p, 16));
  const m2 = f32x4.lt(v128.load(u, 32), v128.load(p, 32));
  const m3 = f32x4.lt(v128.load(u, 48), v128.load(p, 48));
  return i8x16.bitmask(
    i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3)),
  );
}
