/**
 * Philox4x32-10 (Salmon et al. 2011), four blocks at a time: the numbers of src/math/random.ts.
 * @module
 */

// In memory, because V8 loads a constant in one instruction and makes it in three.
const PHILOX: usize = memory.data<u32>([
  0xd2511f53,
  0xd2511f53,
  0xd2511f53,
  0xd2511f53,
  0xcd9e8d57,
  0xcd9e8d57,
  0xcd9e8d57,
  0xcd9e8d57,
  0x9e3779b9,
  0x9e3779b9,
  0x9e3779b9,
  0x9e3779b9,
  0xbb67ae85,
  0xbb67ae85,
  0xbb67ae85,
  0xbb67ae85,
  0,
  1,
  2,
  3,
], 16);
const TWO_POW_MINUS_24: f32 = 1.0 / 16777216.0;

// @inline
function low32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

// @inline
function high32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}

// @inline
function store4(out: usize, words: v128): void {
  const top = f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)); // below 2^24
  v128.store(out, f32x4.mul(top, f32x4.splat(TWO_POW_MINUS_24)));
}

/**
 * Uniforms of units `from` … `to`, multiples of 16, to `out`. The words of a key come as plain numbers,
 * because it is called for 32 units at a time.
 */
export function fillUniform(
  out: usize,
  from: i32,
  to: i32,
  layer: i32,
  step: i32,
  chain: i32,
  seedLow: i32,
  seedHigh: i32,
): void {
  const m0 = v128.load(PHILOX), m1 = v128.load(PHILOX, 16);
  const w0 = v128.load(PHILOX, 32), w1 = v128.load(PHILOX, 48);
  for (let unit = from; unit < to; unit += 16) {
    let c0 = i32x4.add(i32x4.splat(unit >> 2), v128.load(PHILOX, 64));
    let c1 = i32x4.splat(layer), c2 = i32x4.splat(step), c3 = i32x4.splat(chain);
    let k0 = i32x4.splat(seedLow), k1 = i32x4.splat(seedHigh);
    for (let round = 0; round < 10; round++) {
      const p0 = i64x2.extmul_low_i32x4_u(c0, m0), q0 = i64x2.extmul_high_i32x4_u(c0, m0);
      const p1 = i64x2.extmul_low_i32x4_u(c2, m1), q1 = i64x2.extmul_high_i32x4_u(c2, m1);
      c0 = v128.xor(v128.xor(high32(p1, q1), c1), k0);
      c2 = v128.xor(v128.xor(high32(p0, q0), c3), k1);
      c1 = low32(p1, q1);
      c3 = low32(p0, q0);
      k0 = i32x4.add(k0, w0);
      k1 = i32x4.add(k1, w1);
    }
    // word k of block b belongs to unit 4b + k: transpose
    const a = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5), b = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
    const c = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7), d = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
    store4(out, v128.shuffle<i64>(a, b, 0, 2));
    store4(out + 16, v128.shuffle<i64>(a, b, 1, 3));
    store4(out + 32, v128.shuffle<i64>(c, d, 0, 2));
    store4(out + 48, v128.shuffle<i64>(c, d, 1, 3));
    out += 64;
  }
}
