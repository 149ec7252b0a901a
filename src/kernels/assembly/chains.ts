/**
 * Gibbs chains of a label RBM: sums of the rows of active units, in fixed point.
 *
 * Weights are 16-bit integers, w·2^shift with a shift a column, and sums 32-bit: exact in any order.
 * Adding the rows of the units that flipped since the last step gives the same bits as adding the
 * rows of all active units.
 * @module
 */
import { PANEL } from "./dense";
import { exp4, one4 } from "./math";
import { fillUniform } from "./random";
import { Barrier, meet, shareStart } from "./team";

// C chains, P penultimate units, H hidden, L labels; a panel of a table is 32 columns of every row

/** Bytes of a row in a panel of 16-bit weights. */
const ROW_BYTES: i32 = 64;
const ONES: usize = memory.data<i16>([1, 1, 1, 1, 1, 1, 1, 1], 16);

/** Fields of a chain run, in the order of the caller's Int32Array: see ../chains.ts. */
// @ts-ignore: decorator
@unmanaged
class Run {
  barrier: Barrier;
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
  hiddenLayer: i32;
  visibleLayer: i32;
  labelLayer: i32;
  upTable: usize; // panels of (P + 1, 32) i16; the last row is 0
  downTable: usize; // panels of (H + 1, 32) i16; the last row is 0
  upBias: usize; // (H padded) i32
  downBias: usize; // (P+L padded) i32
  upScale: usize; // (H padded) f32: 2^−shift of each column
  downScale: usize; // (P+L padded) f32
  labelWeights: usize; // (L, H padded) f32
  upSums: usize; // (C, H padded) i32
  downSums: usize; // (C, P+L padded) i32
  added: usize; // C lists a worker
  removed: usize; // C lists a worker
  on: usize; // C lists a worker
  state: usize; // a worker: (C, lines of bits), set where a visible unit of its columns is on
  probabilities: usize; // (C, P padded) f32, of the last step
  label: usize; // (C) i32
  labelProbabilities: usize; // (C, L) f32, of the last step
  drive: usize; // (steps) f32: what the label counts at each step
  scratch: usize; // a worker: the uniforms of a layer
  inverseTemperature: f32;
}

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return (n + PANEL - 1) & -PANEL;
}

/** Bytes of a chain's states: whole lines, so that no two workers write the same one. */
// @ts-ignore: decorator
@inline
function stateBytes(r: Run): i32 {
  return (r.visible + 1023 & -1024) >> 3;
}

/** Bytes of a list of at most `units` offsets: its end address, then offsets padded to four. */
// @ts-ignore: decorator
@inline
function listBytes(units: i32): i32 {
  return (16 + ((units + 4) << 2) + 127) & -128;
}

/** Bytes of scratch memory a worker: the uniforms of a layer. */
// @ts-ignore: decorator
@inline
function scratchBytes(r: Run): i32 {
  return max(padded(r.hidden), padded(r.visible + r.labels)) << 2;
}

/**
 * A worker's share of `steps` steps of every chain: h ~ p(h|v,y), then v, y ~ p(v,y|h). Each worker
 * has its own columns of both tables, so its part of the weights stays in its cache. Lists `added`
 * of worker 0 must hold the visible units that are on, with `upSums` at the biases.
 */
export function runChains(r: Run, worker: i32): void {
  const hiddenPad = padded(r.hidden), belowPad = padded(r.visible + r.labels);
  const scratch = r.scratch + worker * scratchBytes(r), workers = r.barrier.workers;
  const upList = listBytes(r.visible), onList = listBytes(r.hidden);
  const hiddenFrom = shareStart(hiddenPad / PANEL, worker, workers) * PANEL;
  const hiddenTo = shareStart(hiddenPad / PANEL, worker + 1, workers) * PANEL;
  const belowFrom = shareStart(belowPad / PANEL, worker, workers) * PANEL;
  const belowTo = shareStart(belowPad / PANEL, worker + 1, workers) * PANEL;
  const steps = r.steps; // after the last meeting the caller may free what r holds
  for (let s = 0; s < steps; s++) {
    const step = r.firstStep + s, last = s == steps - 1;
    const drive = load<f32>(r.drive + (s << 2));
    for (let column = hiddenFrom; column < hiddenTo; column += PANEL) {
      const table = r.upTable + column / PANEL * (r.visible + 1) * ROW_BYTES;
      for (let chain = 0; chain < r.chains; chain++) {
        const sums = r.upSums + ((chain * hiddenPad + column) << 2);
        const list = chain * upList;
        addPanel(sums, sums, table, r.added + list, r.removed + list, r.chains * upList, workers);
      }
    }
    for (let chain = 0; chain < r.chains; chain++) {
      const list = r.on + (worker * r.chains + chain) * onList;
      sampleHidden(r, chain, step, drive, scratch, list, hiddenFrom, hiddenTo);
    }
    meet(r.barrier, worker);
    for (let column = belowFrom; column < belowTo; column += PANEL) {
      const table = r.downTable + column / PANEL * (r.hidden + 1) * ROW_BYTES;
      for (let chain = 0; chain < r.chains; chain++) {
        const sums = r.downSums + ((chain * belowPad + column) << 2);
        const list = r.on + chain * onList, bias = r.downBias + (column << 2);
        addPanel(sums, bias, table, list, 0, r.chains * onList, workers);
      }
    }
    for (let chain = 0; chain < r.chains; chain++) {
      const list = (worker * r.chains + chain) * upList;
      const to = min(belowTo, padded(r.visible));
      const state = r.state + (worker * r.chains + chain) * stateBytes(r);
      const added = r.added + list, removed = r.removed + list;
      sampleVisible(r, chain, step, scratch, state, added, removed, belowFrom, to);
      if (last) writeProbabilities(r, chain, belowFrom, to);
    }
    if (!r.clamped || last) {
      meet(r.barrier, worker); // the labels' logits may lie in two shares
      for (let chain = worker; chain < r.chains; chain += workers) {
        sampleLabel(r, chain, step, scratch);
      }
    }
    meet(r.barrier, worker);
  }
}

/**
 * 32 sums ← start + rows of `added` − rows of `removed`, each a list a worker, `stride` bytes apart;
 * `removed` of 0 is none.
 */
function addPanel(
  sums: usize,
  start: usize,
  table: usize,
  added: usize,
  removed: usize,
  stride: i32,
  workers: i32,
): void {
  let a0 = v128.load(start), a1 = v128.load(start, 16), a2 = v128.load(start, 32);
  let a3 = v128.load(start, 48), a4 = v128.load(start, 64), a5 = v128.load(start, 80);
  let a6 = v128.load(start, 96), a7 = v128.load(start, 112);
  const ones = v128.load(ONES);
  for (let worker = 0; worker < workers; worker++) {
    for (let at = added + 16, end = <usize> load<u32>(added); at < end; at += 16) {
      const w0 = table + load<u32>(at), w1 = table + load<u32>(at, 4);
      const w2 = table + load<u32>(at, 8), w3 = table + load<u32>(at, 12);
      // Two rows fit 16 bits; interleaving two such sums, the pairwise product with 1 widens and adds.
      let x = i16x8.add(v128.load(w0), v128.load(w1));
      let y = i16x8.add(v128.load(w2), v128.load(w3));
      a0 = i32x4.add(a0, widen(low16(x, y), ones));
      a1 = i32x4.add(a1, widen(high16(x, y), ones));
      x = i16x8.add(v128.load(w0, 16), v128.load(w1, 16));
      y = i16x8.add(v128.load(w2, 16), v128.load(w3, 16));
      a2 = i32x4.add(a2, widen(low16(x, y), ones));
      a3 = i32x4.add(a3, widen(high16(x, y), ones));
      x = i16x8.add(v128.load(w0, 32), v128.load(w1, 32));
      y = i16x8.add(v128.load(w2, 32), v128.load(w3, 32));
      a4 = i32x4.add(a4, widen(low16(x, y), ones));
      a5 = i32x4.add(a5, widen(high16(x, y), ones));
      x = i16x8.add(v128.load(w0, 48), v128.load(w1, 48));
      y = i16x8.add(v128.load(w2, 48), v128.load(w3, 48));
      a6 = i32x4.add(a6, widen(low16(x, y), ones));
      a7 = i32x4.add(a7, widen(high16(x, y), ones));
    }
    added += stride;
    if (removed) {
      for (let at = removed + 16, end = <usize> load<u32>(removed); at < end; at += 16) {
        const w0 = table + load<u32>(at), w1 = table + load<u32>(at, 4);
        const w2 = table + load<u32>(at, 8), w3 = table + load<u32>(at, 12);
        let x = i16x8.add(v128.load(w0), v128.load(w1));
        let y = i16x8.add(v128.load(w2), v128.load(w3));
        a0 = i32x4.sub(a0, widen(low16(x, y), ones));
        a1 = i32x4.sub(a1, widen(high16(x, y), ones));
        x = i16x8.add(v128.load(w0, 16), v128.load(w1, 16));
        y = i16x8.add(v128.load(w2, 16), v128.load(w3, 16));
        a2 = i32x4.sub(a2, widen(low16(x, y), ones));
        a3 = i32x4.sub(a3, widen(high16(x, y), ones));
        x = i16x8.add(v128.load(w0, 32), v128.load(w1, 32));
        y = i16x8.add(v128.load(w2, 32), v128.load(w3, 32));
        a4 = i32x4.sub(a4, widen(low16(x, y), ones));
        a5 = i32x4.sub(a5, widen(high16(x, y), ones));
        x = i16x8.add(v128.load(w0, 48), v128.load(w1, 48));
        y = i16x8.add(v128.load(w2, 48), v128.load(w3, 48));
        a6 = i32x4.sub(a6, widen(low16(x, y), ones));
        a7 = i32x4.sub(a7, widen(high16(x, y), ones));
      }
      removed += stride;
    }
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums, a4, 64);
  v128.store(sums, a5, 80);
  v128.store(sums, a6, 96);
  v128.store(sums, a7, 112);
}

// @ts-ignore: decorator
@inline
function low16(x: v128, y: v128): v128 {
  return v128.shuffle<i16>(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function high16(x: v128, y: v128): v128 {
  return v128.shuffle<i16>(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function widen(pairs: v128, ones: v128): v128 {
  return i32x4.dot_i16x8_s(pairs, ones);
}

/** Samples the hidden units of columns `from` … `to` and lists those that are on. */
function sampleHidden(
  r: Run,
  chain: i32,
  step: i32,
  drive: f32,
  scratch: usize,
  list: usize,
  from: i32,
  to: i32,
): void {
  const pad = padded(r.hidden), first = from << 2;
  let u = scratch;
  fillUniform(u, from, to, r.hiddenLayer, step, r.firstChain + chain, r.seedLow, r.seedHigh);
  let sums = r.upSums + chain * (pad << 2) + first, scales = r.upScale + first;
  let labels = r.labelWeights + load<i32>(r.label + (chain << 2)) * (pad << 2) + first;
  const driven = f32x4.splat(drive), minus = f32x4.splat(-r.inverseTemperature);
  let end = list + 16;
  for (let unit = from; unit < to; unit += PANEL) {
    let word: u32 = 0;
    for (let half = 0; half < PANEL; half += 16) {
      const m0 = isOn(hiddenLogit(sums, scales, labels, driven), minus, v128.load(u));
      const m1 = isOn(
        hiddenLogit(sums + 16, scales + 16, labels + 16, driven),
        minus,
        v128.load(u, 16),
      );
      const m2 = isOn(
        hiddenLogit(sums + 32, scales + 32, labels + 32, driven),
        minus,
        v128.load(u, 32),
      );
      const m3 = isOn(
        hiddenLogit(sums + 48, scales + 48, labels + 48, driven),
        minus,
        v128.load(u, 48),
      );
      word |= bitmask16(m0, m1, m2, m3) << half;
      sums += 64;
      scales += 64;
      labels += 64;
      u += 64;
    }
    end = append(end, word & inside(r.hidden - unit), unit);
  }
  closeList(list, end, r.hidden);
}

// @ts-ignore: decorator
@inline
function hiddenLogit(sums: usize, scales: usize, labels: usize, drive: v128): v128 {
  const own = f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), v128.load(scales));
  return f32x4.add(own, f32x4.mul(drive, v128.load(labels)));
}

/** u < σ(x / T), as u + u·e^(−x/T) < 1: no division. */
// @ts-ignore: decorator
@inline
function isOn(x: v128, minusInverseTemperature: v128, u: v128): v128 {
  const e = exp4(f32x4.mul(x, minusInverseTemperature));
  return f32x4.lt(f32x4.add(u, f32x4.mul(u, e)), one4());
}

// @ts-ignore: decorator
@inline
function bitmask16(m0: v128, m1: v128, m2: v128, m3: v128): i32 {
  return i8x16.bitmask(
    i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3)),
  );
}

/** Bits of the `count` first units of a word of 32. */
// @ts-ignore: decorator
@inline
function inside(count: i32): u32 {
  return count >= 32 ? 0xffffffff : (1 << count) - 1;
}

/** Writes the row offsets of a word's units at `end`; returns the new end. */
// @ts-ignore: decorator
@inline
function append(end: usize, word: u32, unit: i32): usize {
  while (word) {
    store<u32>(end, (unit + ctz(word)) * ROW_BYTES);
    end += 4;
    word &= word - 1;
  }
  return end;
}

/** Fills a list up to four with the row of zeros and writes its end. */
// @ts-ignore: decorator
@inline
function closeList(list: usize, end: usize, zeroRow: i32): void {
  while (end & 15) {
    store<u32>(end, zeroRow * ROW_BYTES);
    end += 4;
  }
  store<u32>(list, <u32> end);
}

/** Samples the visible units of columns `from` … `to` and lists those that flipped. */
function sampleVisible(
  r: Run,
  chain: i32,
  step: i32,
  scratch: usize,
  state: usize,
  added: usize,
  removed: usize,
  from: i32,
  to: i32,
): void {
  const belowPad = padded(r.visible + r.labels), first = from << 2;
  let u = scratch;
  fillUniform(u, from, to, r.visibleLayer, step, r.firstChain + chain, r.seedLow, r.seedHigh);
  let sums = r.downSums + chain * (belowPad << 2) + first, scales = r.downScale + first;
  const minus = f32x4.splat(-r.inverseTemperature);
  let addedEnd = added + 16, removedEnd = removed + 16;
  for (let unit = from; unit < to; unit += PANEL) {
    let next: u32 = 0;
    for (let half = 0; half < PANEL; half += 16) {
      const m0 = isOn(visibleLogit(sums, scales), minus, v128.load(u));
      const m1 = isOn(visibleLogit(sums + 16, scales + 16), minus, v128.load(u, 16));
      const m2 = isOn(visibleLogit(sums + 32, scales + 32), minus, v128.load(u, 32));
      const m3 = isOn(visibleLogit(sums + 48, scales + 48), minus, v128.load(u, 48));
      next |= bitmask16(m0, m1, m2, m3) << half;
      sums += 64;
      scales += 64;
      u += 64;
    }
    next &= inside(r.visible - unit);
    const before = load<u32>(state + (unit >> 3));
    store<u32>(state + (unit >> 3), next);
    addedEnd = append(addedEnd, next & ~before, unit);
    removedEnd = append(removedEnd, before & ~next, unit);
  }
  closeList(added, addedEnd, r.visible);
  closeList(removed, removedEnd, r.visible);
}

// @ts-ignore: decorator
@inline
function visibleLogit(sums: usize, scales: usize): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), v128.load(scales));
}

/** p(v=1|h) of a chain, for columns `from` … `to`. */
function writeProbabilities(r: Run, chain: i32, from: i32, to: i32): void {
  const sums = r.downSums + chain * (padded(r.visible + r.labels) << 2);
  const out = r.probabilities + chain * (padded(r.visible) << 2);
  const minus = f32x4.splat(-r.inverseTemperature);
  for (let at = from << 2; at < to << 2; at += 16) {
    const e = exp4(f32x4.mul(visibleLogit(sums + at, r.downScale + at), minus));
    v128.store(out + at, f32x4.div(one4(), f32x4.add(one4(), e)));
  }
}

/** p(y|h) by a stable softmax; a sample by inversion of the running sum unless labels are held. */
function sampleLabel(r: Run, chain: i32, step: i32, scratch: usize): void {
  const sums = r.downSums + ((chain * padded(r.visible + r.labels) + r.visible) << 2);
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
  for (let i = 0; i < r.labels; i++) {
    store<f32>(out + (i << 2), <f32> (<f64> load<f32>(out + (i << 2)) / total));
  }
  if (r.clamped) return;
  fillUniform(scratch, 0, 16, r.labelLayer, step, r.firstChain + chain, r.seedLow, r.seedHigh);
  const uniform = <f64> load<f32>(scratch);
  let chosen = r.labels - 1;
  let running: f64 = 0;
  for (let i = 0; i < r.labels; i++) {
    running += load<f32>(out + (i << 2));
    if (uniform < running) {
      chosen = i;
      break;
    }
  }
  store<i32>(r.label + (chain << 2), chosen);
}

// @ts-ignore: decorator
@inline
function labelLogit(r: Run, sums: usize, scales: usize, i: i32): f64 {
  const sum = <f64> load<i32>(sums + (i << 2)) * <f64> load<f32>(scales + (i << 2));
  return sum * <f64> r.inverseTemperature;
}
