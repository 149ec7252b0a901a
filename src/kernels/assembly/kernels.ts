/**
 * SIMD128 kernels in AssemblyScript. `deno task kernels` compiles them into ../kernels_wasm.ts.
 *
 * No relaxed SIMD and no library math: every result is the same bits on every machine. The caller
 * checks bounds; pointers are byte addresses in the module's memory, aligned to 16.
 * @module
 */

// B batch, I inputs, O outputs, C chains, P penultimate, H hidden, L labels; a panel is 32 columns

const PANEL: i32 = 32;
const PANEL_BYTES: i32 = 128;
const TWO_POW_MINUS_24: f32 = 1.0 / 16777216.0;

/** e^x to about 1e-7 relative, x clamped to [-87, 87]: 2^n · p(r), |r| ≤ ln 2 / 2. */
// @ts-ignore: decorator
@inline
function exp4(value: v128): v128 {
  const x = f32x4.max(f32x4.min(value, f32x4.splat(87.0)), f32x4.splat(-87.0));
  // Adding 1.5·2^23 rounds to an integer and leaves it in the low bits.
  const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(12582912.0));
  const n = f32x4.sub(shifted, f32x4.splat(12582912.0));
  // r = x − n·ln 2, ln 2 in two parts so that the product is exact
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let p = f32x4.splat(1.0 / 720.0);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 120.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 24.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 6.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** σ(x) = 1 / (1 + e^−x) */
// @ts-ignore: decorator
@inline
function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1.0), f32x4.add(f32x4.splat(1.0), exp4(f32x4.neg(x))));
}

/** softplus(x) = max(x, 0) + log(1 + e^−|x|); log(1 + e) = 2·atanh(e / (2 + e)) by its series. */
// @ts-ignore: decorator
@inline
function softplus4(x: v128): v128 {
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

// ---- dense products -------------------------------------------------------------------------------

/**
 * out = x·w + b: x (B, I), w (I, O) with rows of `stride` floats, b (O) padded to 32, out (B, O) with
 * rows of `stride` floats; `stride` is O rounded up to 32. Each sum runs over I in order, so a row's
 * bits do not depend on B.
 */
export function affine(
  out: usize,
  x: usize,
  w: usize,
  b: usize,
  batch: i32,
  inputs: i32,
  stride: i32,
): void {
  const strideBytes = stride << 2;
  const inputBytes = inputs << 2;
  for (let o = 0; o < strideBytes; o += PANEL_BYTES) {
    let row = 0;
    for (; row + 4 <= batch; row += 4) {
      for (let part = 0; part < PANEL_BYTES; part += 32) {
        block4x8(
          out + row * strideBytes + o + part,
          strideBytes,
          x + row * inputBytes,
          inputBytes,
          w + o + part,
          b + o + part,
          inputs,
        );
      }
    }
    for (; row < batch; row++) {
      row1x32(out + row * strideBytes + o, x + row * inputBytes, w + o, strideBytes, b + o, inputs);
    }
  }
}

/** Four rows by eight columns in registers. */
function block4x8(
  out: usize,
  strideBytes: i32,
  x: usize,
  inputBytes: i32,
  w: usize,
  b: usize,
  inputs: i32,
): void {
  const b0 = v128.load(b), b1 = v128.load(b, 16);
  let a00 = b0, a01 = b1, a10 = b0, a11 = b1, a20 = b0, a21 = b1, a30 = b0, a31 = b1;
  const x1 = x + inputBytes, x2 = x1 + inputBytes, x3 = x2 + inputBytes;
  for (let i = 0, at: usize = 0; i < inputs; i++, at += 4, w += strideBytes) {
    const w0 = v128.load(w), w1 = v128.load(w, 16);
    let v = v128.load32_splat(x + at);
    a00 = f32x4.add(a00, f32x4.mul(v, w0));
    a01 = f32x4.add(a01, f32x4.mul(v, w1));
    v = v128.load32_splat(x1 + at);
    a10 = f32x4.add(a10, f32x4.mul(v, w0));
    a11 = f32x4.add(a11, f32x4.mul(v, w1));
    v = v128.load32_splat(x2 + at);
    a20 = f32x4.add(a20, f32x4.mul(v, w0));
    a21 = f32x4.add(a21, f32x4.mul(v, w1));
    v = v128.load32_splat(x3 + at);
    a30 = f32x4.add(a30, f32x4.mul(v, w0));
    a31 = f32x4.add(a31, f32x4.mul(v, w1));
  }
  v128.store(out, a00);
  v128.store(out, a01, 16);
  out += strideBytes;
  v128.store(out, a10);
  v128.store(out, a11, 16);
  out += strideBytes;
  v128.store(out, a20);
  v128.store(out, a21, 16);
  out += strideBytes;
  v128.store(out, a30);
  v128.store(out, a31, 16);
}

/** One row by 32 columns in registers; inputs of 0 cost nothing. */
function row1x32(out: usize, x: usize, w: usize, strideBytes: i32, b: usize, inputs: i32): void {
  let a0 = v128.load(b), a1 = v128.load(b, 16), a2 = v128.load(b, 32), a3 = v128.load(b, 48);
  let a4 = v128.load(b, 64), a5 = v128.load(b, 80), a6 = v128.load(b, 96), a7 = v128.load(b, 112);
  for (let i = 0; i < inputs; i++, x += 4, w += strideBytes) {
    if (load<f32>(x) == 0) continue;
    const v = v128.load32_splat(x);
    a0 = f32x4.add(a0, f32x4.mul(v, v128.load(w)));
    a1 = f32x4.add(a1, f32x4.mul(v, v128.load(w, 16)));
    a2 = f32x4.add(a2, f32x4.mul(v, v128.load(w, 32)));
    a3 = f32x4.add(a3, f32x4.mul(v, v128.load(w, 48)));
    a4 = f32x4.add(a4, f32x4.mul(v, v128.load(w, 64)));
    a5 = f32x4.add(a5, f32x4.mul(v, v128.load(w, 80)));
    a6 = f32x4.add(a6, f32x4.mul(v, v128.load(w, 96)));
    a7 = f32x4.add(a7, f32x4.mul(v, v128.load(w, 112)));
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

/** x ← σ(x / T) in place for `count` floats, a multiple of 4; `inverse` is 1/T. */
export function sigmoidInPlace(x: usize, count: i32, inverse: f32): void {
  const end = x + (count << 2);
  for (; x < end; x += 16) v128.store(x, sigmoid4(f32x4.mul(v128.load(x), f32x4.splat(inverse))));
}

/** Σ softplus(a), over `count` floats; padding must hold -1000. In double precision. */
export function sumSoftplus(a: usize, count: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  for (let i = 0; i < count; i += 4, a += 16) {
    const s = softplus4(v128.load(a));
    low = f64x2.add(low, f64x2.promote_low_f32x4(s));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(s, s, 1, 1)));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Σ [softplus(a + u) − softplus(a)] over `count` floats: small terms, so no digits are lost. */
export function softplusGain(a: usize, u: usize, count: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  for (let i = 0; i < count; i += 4, a += 16, u += 16) {
    const own = v128.load(a);
    const s = f32x4.sub(softplus4(f32x4.add(own, v128.load(u))), softplus4(own));
    low = f64x2.add(low, f64x2.promote_low_f32x4(s));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(s, s, 1, 1)));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

// ---- random numbers: Philox4x32-10, four blocks at a time -----------------------------------------

// @ts-ignore: decorator
@inline
function low32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

// @ts-ignore: decorator
@inline
function high32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}

/** Uniforms of 16 units from `firstUnit`, a multiple of 16, to `out`: the numbers of fillUniform. */
function uniform16(
  out: usize,
  firstUnit: i32,
  layer: i32,
  step: i32,
  chain: i32,
  seedLow: i32,
  seedHigh: i32,
): void {
  let c0 = i32x4.add(i32x4.splat(firstUnit >> 2), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(layer), c2 = i32x4.splat(step), c3 = i32x4.splat(chain);
  let k0 = i32x4.splat(seedLow), k1 = i32x4.splat(seedHigh);
  const m0 = i32x4.splat(0xd2511f53), m1 = i32x4.splat(0xcd9e8d57);
  const w0 = i32x4.splat(0x9e3779b9), w1 = i32x4.splat(0xbb67ae85);
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
}

// @ts-ignore: decorator
@inline
function store4(out: usize, words: v128): void {
  const top = f32x4.convert_i32x4_u(i32x4.shr_u(words, 8));
  v128.store(out, f32x4.mul(top, f32x4.splat(TWO_POW_MINUS_24)));
}

/** Uniforms of `count` units, a multiple of 16. */
export function fillUniform(
  out: usize,
  count: i32,
  layer: i32,
  step: i32,
  chain: i32,
  seedLow: i32,
  seedHigh: i32,
): void {
  for (let unit = 0; unit < count; unit += 16) {
    uniform16(out + (unit << 2), unit, layer, step, chain, seedLow, seedHigh);
  }
}

// ---- Gibbs chains: sums of the rows of active units, in fixed point -------------------------------
//
// Weights are 16-bit integers, w·2^shift with a shift a column, and sums 32-bit: exact in any order: adding the rows of the units that
// flipped since the last step gives the same bits as adding the rows of all active units.

/**
 * acc (stride) += Σ rows of 16-bit weights at `list` … `end`, or −= where `sign` is −1; lists hold byte
 * offsets into the table. Four rows at a time, so that the sums are loaded and stored once for four.
 */
function addRows(acc: usize, table: usize, list: usize, end: usize, stride: i32, sign: i32): void {
  for (; list + 16 <= end; list += 16) {
    let w0 = table + load<u32>(list), w1 = table + load<u32>(list, 4);
    let w2 = table + load<u32>(list, 8), w3 = table + load<u32>(list, 12);
    for (let a = acc, last = acc + (stride << 2); a < last; a += 32) {
      const r0 = v128.load(w0), r1 = v128.load(w1), r2 = v128.load(w2), r3 = v128.load(w3);
      // Pairs of rows fit 17 bits: widen after interleaving, with a pairwise sum.
      const l01 = i32x4.extadd_pairwise_i16x8_s(v128.shuffle<i16>(r0, r1, 0, 8, 1, 9, 2, 10, 3, 11));
      const h01 = i32x4.extadd_pairwise_i16x8_s(
        v128.shuffle<i16>(r0, r1, 4, 12, 5, 13, 6, 14, 7, 15),
      );
      const l23 = i32x4.extadd_pairwise_i16x8_s(v128.shuffle<i16>(r2, r3, 0, 8, 1, 9, 2, 10, 3, 11));
      const h23 = i32x4.extadd_pairwise_i16x8_s(
        v128.shuffle<i16>(r2, r3, 4, 12, 5, 13, 6, 14, 7, 15),
      );
      const low = i32x4.add(l01, l23), high = i32x4.add(h01, h23);
      if (sign > 0) {
        v128.store(a, i32x4.add(v128.load(a), low));
        v128.store(a, i32x4.add(v128.load(a, 16), high), 16);
      } else {
        v128.store(a, i32x4.sub(v128.load(a), low));
        v128.store(a, i32x4.sub(v128.load(a, 16), high), 16);
      }
      w0 += 16;
      w1 += 16;
      w2 += 16;
      w3 += 16;
    }
  }
  for (; list < end; list += 4) {
    let w = table + load<u32>(list);
    for (let a = acc, last = acc + (stride << 2); a < last; a += 32, w += 16) {
      const r = v128.load(w);
      const low = i32x4.extend_low_i16x8_s(r), high = i32x4.extend_high_i16x8_s(r);
      if (sign > 0) {
        v128.store(a, i32x4.add(v128.load(a), low));
        v128.store(a, i32x4.add(v128.load(a, 16), high), 16);
      } else {
        v128.store(a, i32x4.sub(v128.load(a), low));
        v128.store(a, i32x4.sub(v128.load(a, 16), high), 16);
      }
    }
  }
}

/** Fields of a chain run, in the order of the caller's Int32Array: see ../chain.ts. */
// @ts-ignore: decorator
@unmanaged
class Run {
  chains: i32;
  firstChain: i32;
  firstStep: i32;
  steps: i32;
  seedLow: i32;
  seedHigh: i32;
  visible: i32; // P
  labels: i32; // L
  hidden: i32; // H
  clamped: i32; // whether labels are held
  upTable: usize; // (P, H padded) i16
  downTable: usize; // (H, P+L padded) i16
  upBias: usize; // (H padded) i32
  downBias: usize; // (P+L padded) i32
  labelWeights: usize; // (L, H padded) f32
  upSums: usize; // (C, H padded) i32
  downSums: usize; // (C, P+L padded) i32
  upLists: usize; // C lists of visible units
  downLists: usize; // C lists of hidden units
  state: usize; // (C, P padded to 16) i32: 1 where a visible unit is on
  probabilities: usize; // (C, P padded to 16) f32, of the last step
  label: usize; // (C) i32
  labelProbabilities: usize; // (C, L) f32, of the last step
  drive: usize; // (steps) f32: what the label counts at each step
  uniform: usize; // 16 f32
  inverseTemperature: f32;
  hiddenLayer: i32;
  visibleLayer: i32;
  labelLayer: i32;
  upScale: usize; // (H padded) f32: 2^−shift of each column
  downScale: usize; // (P+L padded) f32
}

// @ts-ignore: decorator
@inline
function padded(n: i32, to: i32): i32 {
  return (n + to - 1) / to * to;
}

/**
 * Runs `steps` steps of every chain: h ~ p(h|v,y), then v, y ~ p(v,y|h). `upLists` must hold the
 * visible units that are on as added, with `upSums` at the biases.
 */
export function runChains(r: Run): void {
  const hiddenPad = padded(r.hidden, PANEL), below = padded(r.visible + r.labels, PANEL);
  const upListBytes = 16 + 8 * r.visible, downListBytes = 16 + 8 * r.hidden;
  for (let s = 0; s < r.steps; s++) {
    const step = r.firstStep + s;
    for (let chain = 0; chain < r.chains; chain++) {
      const up = r.upSums + chain * (hiddenPad << 2), flips = r.upLists + chain * upListBytes;
      const added = flips + 16, removed = added + ((upListBytes - 16) >> 1);
      addRows(up, r.upTable, added, added + (load<i32>(flips) << 2), hiddenPad, 1);
      addRows(up, r.upTable, removed, removed + (load<i32>(flips, 4) << 2), hiddenPad, -1);
      sampleHidden(r, chain, step, load<f32>(r.drive + (s << 2)), hiddenPad, downListBytes);
      const down = r.downSums + chain * (below << 2), on = r.downLists + chain * downListBytes + 16;
      memory.copy(down, r.downBias, below << 2);
      addRows(down, r.downTable, on, on + (load<i32>(on - 16) << 2), below, 1);
      sampleVisible(r, chain, step, below, upListBytes);
      if (!r.clamped || s == r.steps - 1) sampleLabel(r, chain, step, below);
    }
  }
}

/** Writes the hidden units that come on to the chain's list. */
function sampleHidden(r: Run, chain: i32, step: i32, drive: f32, hiddenPad: i32, listBytes: i32): void {
  const sums = r.upSums + chain * (hiddenPad << 2);
  const labels = r.labelWeights + load<i32>(r.label + (chain << 2)) * (hiddenPad << 2);
  const list = r.downLists + chain * listBytes;
  let end = list + 16;
  const rowBytes = padded(r.visible + r.labels, PANEL) << 1;
  const driven = f32x4.splat(drive);
  const inverse = f32x4.splat(r.inverseTemperature);
  for (let unit = 0; unit < r.hidden; unit += 16) {
    uniform16(r.uniform, unit, r.hiddenLayer, step, r.firstChain + chain, r.seedLow, r.seedHigh);
    for (let part = 0; part < 64; part += 16) {
      const at = (unit << 2) + part;
      const own = f32x4.mul(
        f32x4.convert_i32x4_s(v128.load(sums + at)),
        v128.load(r.upScale + at),
      );
      const x = f32x4.add(own, f32x4.mul(driven, v128.load(labels + at)));
      const p = sigmoid4(f32x4.mul(x, inverse));
      let on = i32x4.bitmask(f32x4.lt(v128.load(r.uniform + part), p));
      while (on) {
        const index = unit + (part >> 2) + ctz(on);
        if (index < r.hidden) {
          store<u32>(end, index * rowBytes);
          end += 4;
        }
        on &= on - 1;
      }
    }
  }
  store<i32>(list, <i32> ((end - list - 16) >> 2));
  store<i32>(list, 0, 4);
}

/** Samples the visible units and lists those that flipped. */
function sampleVisible(r: Run, chain: i32, step: i32, below: i32, listBytes: i32): void {
  const sums = r.downSums + chain * (below << 2);
  const statePad = padded(r.visible, 16);
  const state = r.state + chain * (statePad << 2);
  const probabilities = r.probabilities + chain * (statePad << 2);
  const list = r.upLists + chain * listBytes;
  const added = list + 16, removed = list + 16 + ((listBytes - 16) >> 1);
  let addedEnd = added, removedEnd = removed;
  const rowBytes = padded(r.hidden, PANEL) << 1;
  const inverse = f32x4.splat(r.inverseTemperature);
  for (let unit = 0; unit < r.visible; unit += 16) {
    uniform16(r.uniform, unit, r.visibleLayer, step, r.firstChain + chain, r.seedLow, r.seedHigh);
    for (let part = 0; part < 64; part += 16) {
      const at = (unit << 2) + part;
      const x = f32x4.mul(
        f32x4.convert_i32x4_s(v128.load(sums + at)),
        v128.load(r.downScale + at),
      );
      const p = sigmoid4(f32x4.mul(x, inverse));
      v128.store(probabilities + at, p);
      const next = v128.and(f32x4.lt(v128.load(r.uniform + part), p), i32x4.splat(1));
      let flips = i32x4.bitmask(i32x4.ne(next, v128.load(state + at)));
      v128.store(state + at, next);
      while (flips) {
        const lane = ctz(flips), index = unit + (part >> 2) + lane;
        if (index < r.visible) {
          if (load<i32>(state + at + (lane << 2))) {
            store<u32>(addedEnd, index * rowBytes);
            addedEnd += 4;
          } else {
            store<u32>(removedEnd, index * rowBytes);
            removedEnd += 4;
          }
        }
        flips &= flips - 1;
      }
    }
  }
  store<i32>(list, <i32> ((addedEnd - added) >> 2));
  store<i32>(list, <i32> ((removedEnd - removed) >> 2), 4);
}

/** p(y|h) by a stable softmax; a sample by inversion of the running sum unless labels are held. */
function sampleLabel(r: Run, chain: i32, step: i32, below: i32): void {
  const sums = r.downSums + ((chain * below + r.visible) << 2);
  const out = r.labelProbabilities + ((chain * r.labels) << 2);
  const scales = r.downScale + (r.visible << 2);
  let largest: f64 = -Infinity;
  for (let i = 0; i < r.labels; i++) largest = max(largest, labelLogit(r, sums, scales, i));
  let total: f64 = 0;
  for (let i = 0; i < r.labels; i++) {
    const x = <f32> (labelLogit(r, sums, scales, i) - largest);
    const e = f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
    store<f32>(out + (i << 2), e);
    total += e;
  }
  const uniform = load<f32>(oneUniform(r, chain, step));
  let chosen = r.labels - 1;
  let running: f64 = 0;
  for (let i = r.labels - 1; i >= 0; i--) {
    const p = <f32> (<f64> load<f32>(out + (i << 2)) / total);
    store<f32>(out + (i << 2), p);
  }
  for (let i = 0; i < r.labels; i++) {
    running += load<f32>(out + (i << 2));
    if (<f64> uniform < running) {
      chosen = i;
      break;
    }
  }
  if (!r.clamped) store<i32>(r.label + (chain << 2), chosen);
}

// @ts-ignore: decorator
@inline
function labelLogit(r: Run, sums: usize, scales: usize, i: i32): f64 {
  const sum = <f64> load<i32>(sums + (i << 2)) * <f64> load<f32>(scales + (i << 2));
  return sum * <f64> r.inverseTemperature;
}

function oneUniform(r: Run, chain: i32, step: i32): usize {
  uniform16(r.uniform, 0, r.labelLayer, step, r.firstChain + chain, r.seedLow, r.seedHigh);
  return r.uniform;
}
