/**
 * Exponential, logistic and softplus of four floats without library calls: the same bits on every
 * machine.
 * @module
 */

// Constants lie in memory: V8 loads one in an instruction but makes one in three.
const EXP: usize = memory.data<f32>([
  87.0,
  87.0,
  87.0,
  87.0,
  -87.0,
  -87.0,
  -87.0,
  -87.0,
  1.44269504,
  1.44269504,
  1.44269504,
  1.44269504,
  12582912.0,
  12582912.0,
  12582912.0,
  12582912.0,
  -0.693359375,
  -0.693359375,
  -0.693359375,
  -0.693359375,
  2.12194440e-4,
  2.12194440e-4,
  2.12194440e-4,
  2.12194440e-4,
  0.001388888888888889,
  0.001388888888888889,
  0.001388888888888889,
  0.001388888888888889,
  0.008333333333333333,
  0.008333333333333333,
  0.008333333333333333,
  0.008333333333333333,
  0.041666666666666664,
  0.041666666666666664,
  0.041666666666666664,
  0.041666666666666664,
  0.16666666666666666,
  0.16666666666666666,
  0.16666666666666666,
  0.16666666666666666,
  0.5,
  0.5,
  0.5,
  0.5,
  1.0,
  1.0,
  1.0,
  1.0,
], 16);

/** 1 in each lane. */
// @inline
export function one4(): v128 {
  return v128.load(EXP, 176);
}

/** a·b + c, rounded once where the module may use relaxed SIMD (training's), else twice. */
// @inline
function madd4(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** e^x to about 1e-7 relative, x clamped to [-87, 87]: 2^n · p(r), |r| ≤ ln 2 / 2. */
// @inline
export function exp4(value: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(value, v128.load(EXP)), v128.load(EXP, 16));
  // Adding 1.5·2^23 rounds to an integer and leaves it in the low bits.
  const shifted = madd4(x, v128.load(EXP, 32), v128.load(EXP, 48));
  const n = f32x4.sub(shifted, v128.load(EXP, 48));
  // r = x − n·ln 2, ln 2 in two parts so that the product is exact
  let r = madd4(n, v128.load(EXP, 64), x);
  r = madd4(n, v128.load(EXP, 80), r);
  let p = v128.load(EXP, 96);
  p = madd4(p, r, v128.load(EXP, 112));
  p = madd4(p, r, v128.load(EXP, 128));
  p = madd4(p, r, v128.load(EXP, 144));
  p = madd4(p, r, v128.load(EXP, 160));
  p = madd4(p, r, v128.load(EXP, 176));
  p = madd4(p, r, v128.load(EXP, 176));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** σ(x) = 1 / (1 + e^−x) */
// @inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(one4(), f32x4.add(one4(), exp4(f32x4.neg(x))));
}

/** The sum of four floats, from the first lane to the last. */
// @inline
export function sumLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 2) +
    f32x4.extract_lane(x, 3);
}

/** softplus(x) = max(x, 0) + log(1 + e^−|x|); log(1 + e) = 2·atanh(e / (2 + e)) by its series. */
// @inline
export function softplus4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const s = f32x4.div(e, f32x4.add(e, f32x4.splat(2.0))); // in [0, 1/3]
  const q = f32x4.mul(s, s);
  let p = f32x4.splat(2.0 / 13.0);
  p = f32x4.add(f32x4.mul(p, q), f32x4.splat(2.0 / 11.0));
  p = f32x4.add(f32x4.mul(p, q), f32x4.splat(2.0 / 9.0));
  p = f32x4.add(f32x4.mul(p, q), f32x4.splat(2.0 / 7.0));
  p = f32x4.add(f32x4.mul(p, q), f32x4.splat(2.0 / 5.0));
  p = f32x4.add(f32x4.mul(p, q), f32x4.splat(2.0 / 3.0));
  p = f32x4.add(f32x4.mul(p, q), f32x4.splat(2.0));
  return f32x4.add(f32x4.max(x, f32x4.splat(0.0)), f32x4.mul(p, s));
}
