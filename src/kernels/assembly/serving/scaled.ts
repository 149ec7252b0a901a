/**
 * Dense products with panels of 8-bit weights, each column with a scale: sums run over x·q, and are scaled
 * once. A panel that many rows will use is widened to floats first; both ways give the same bits.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";

// I inputs

/** One row by 32 columns in registers, sums alone: out ← Σ x·q; inputs of 0 cost nothing. */
export function scaledRow1x32(out: usize, x: usize, q: usize, inputs: i32): void {
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  for (let i = 0; i < inputs; i++, x += 4, q += PANEL) {
    if (load<f32>(x) == 0) continue;
    const v = v128.load32_splat(x);
    let w = v128.load_ext<i8>(q);
    a0 = f32x4.add(a0, f32x4.mul(v, low4(w)));
    a1 = f32x4.add(a1, f32x4.mul(v, high4(w)));
    w = v128.load_ext<i8>(q, 8);
    a2 = f32x4.add(a2, f32x4.mul(v, low4(w)));
    a3 = f32x4.add(a3, f32x4.mul(v, high4(w)));
    w = v128.load_ext<i8>(q, 16);
    a4 = f32x4.add(a4, f32x4.mul(v, low4(w)));
    a5 = f32x4.add(a5, f32x4.mul(v, high4(w)));
    w = v128.load_ext<i8>(q, 24);
    a6 = f32x4.add(a6, f32x4.mul(v, low4(w)));
    a7 = f32x4.add(a7, f32x4.mul(v, high4(w)));
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(out, a4, 64);
  v128.store(out, a5, 80);
  v128.store(out, a6, 96);
  v128.store(out, a7, 112);
}

/** A panel (I, 32) of integers as floats. */
export function widenPanel(out: usize, q: usize, inputs: i32): void {
  for (const end = q + inputs * PANEL; q < end; q += 8, out += 32) {
    const w = v128.load_ext<i8>(q);
    v128.store(out, low4(w));
    v128.store(out, high4(w), 16);
  }
}

/** 32 sums ← sums · scale + bias. */
export function scaleSums(sums: usize, scale: usize, bias: usize): void {
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const scaled = f32x4.mul(v128.load(sums + at), v128.load(scale + at));
    v128.store(sums + at, f32x4.add(scaled, v128.load(bias + at)));
  }
}

/** The lower four of eight 16-bit integers as floats. */
// @inline
function low4(x: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(x));
}

// @inline
function high4(x: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(x));
}
