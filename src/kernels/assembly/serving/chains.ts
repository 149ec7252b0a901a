/**
 * Gibbs chains of a label RBM: sums of the rows of active units, in fixed point.
 *
 * Weights are 16-bit integers, w·2^shift with a shift a column, and sums 32-bit: exact in any order.
 * Adding the rows of the units that flipped since the last step gives the same bits as adding the
 * rows of all active units.
 *
 * The functions of a panel take plain numbers, which stay in registers: a struct of what a worker is at
 * makes steps 3 % slower.
 * @module
 */
import { prefetch } from "../simd/prefetch";
import { PANEL } from "../simd/panel";
import { exp4, one4 } from "../simd/math";
import { fillUniform } from "../simd/random";
import { Barrier, shareStart, waitForAll } from "../simd/barrier";

// C chains, P penultimate units, H hidden, L labels; a panel of a table is 32 columns of every row, and
// one of sums is those columns of every chain

/** Bytes of a row in a panel of 16-bit weights. */
export const TABLE_ROW_BYTES: i32 = 64;
/** Bytes of a chain's sums in a panel, and of as many uniforms. */
const SUM_BYTES: i32 = 128;
/** From so many chains on most rows of a panel are used by one or another. */
const PREFETCHED_CHAINS: i32 = 8;
/** The signs of rows that are added, and of rows that are subtracted. */
const ONES: usize = memory.data<i16>([1, 1, 1, 1, 1, 1, 1, 1], 16);
const MINUS_ONES: usize = memory.data<i16>([-1, -1, -1, -1, -1, -1, -1, -1], 16);

/** A run of every chain for some steps. */
// @ts-ignore: decorator
@unmanaged
export class ChainRun {
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
  downBias: usize; // (P+L padded) i32
  upScale: usize; // (H padded) f32: 2^−shift of each column
  downScale: usize; // (P+L padded) f32
  labelWeights: usize; // (L, H padded) f32
  upSums: usize; // panels of (C, 32) i32
  downSums: usize; // panels of (C, 32) i32
  added: usize; // C lists a worker: visible units of its columns that came on
  removed: usize; // C lists a worker: those that went off
  allAdded: usize; // C lists a worker: those of all columns
  allRemoved: usize; // C lists a worker
  on: usize; // C lists a worker
  state: usize; // a worker: (C, lines of bits), set where a visible unit of its columns is on
  probabilities: usize; // (C, P padded) f32, of the last step
  label: usize; // (C) i32
  labelProbabilities: usize; // (C, L) f32, of the last step
  labelGain: usize; // (steps) f32: how often the label counts at each step
  scratch: usize; // a worker: the uniforms of a panel
  inverseTemperature: f32;
}

// @inline
function padded(n: i32): i32 {
  return (n + PANEL - 1) & -PANEL;
}

/** Bytes of a chain's states: whole lines, so that no two workers write the same one. */
// @inline
function stateBytes(r: ChainRun): i32 {
  return (r.visible + 1023 & -1024) >> 3;
}

/** Bytes of a list of at most `units` offsets: its end address, then offsets padded to four. */
// @inline
function listBytes(units: i32): i32 {
  return (16 + ((units + 4) << 2) + 127) & -128;
}

/** The sums of a chain in a panel. */
// @inline
function sumsOf(r: ChainRun, sums: usize, column: i32, chain: i32): usize {
  return sums + (column / PANEL * r.chains + chain) * SUM_BYTES;
}

/**
 * A worker's share of `steps` steps of every chain: h ~ p(h|v,y), then v, y ~ p(v,y|h). Each worker
 * has its own columns of both tables, so its part of the weights stays in its cache. Lists `added`
 * of worker 0 must hold the visible units that are on, with `upSums` at the biases.
 */
export function runChains(r: ChainRun, worker: i32): void {
  const scratch = r.scratch + worker * SUM_BYTES, workers = r.barrier.workers;
  const steps = r.steps; // after the last barrier wait the caller may free what r holds
  for (let s = 0; s < steps; s++) {
    const step = r.firstStep + s, last = s == steps - 1;
    hiddenUnits(r, worker, step, load<f32>(r.labelGain + (s << 2)), scratch);
    waitForAll(r.barrier, worker);
    visibleUnits(r, worker, step, scratch, last);
    if (!r.clamped || last) {
      waitForAll(r.barrier, worker); // the labels' logits may lie in two shares
      for (let chain = worker; chain < r.chains; chain += workers) {
        sampleLabel(r, chain, step, scratch);
      }
    }
    waitForAll(r.barrier, worker);
  }
}

/** h ~ p(h|v,y) in a worker's columns. */
function hiddenUnits(r: ChainRun, worker: i32, step: i32, labelGain: f32, scratch: usize): void {
  const workers = r.barrier.workers, panels = padded(r.hidden) / PANEL;
  const lists = listBytes(r.hidden), on = r.on + worker * r.chains * lists;
  const flips = listBytes(r.visible), own = worker * r.chains * flips;
  const added = workers == 1 ? r.added : r.allAdded + own;
  const removed = workers == 1 ? r.removed : r.allRemoved + own;
  for (let chain = 0; chain < r.chains; chain++) {
    const list = chain * flips;
    if (workers > 1) {
      joinFlips(added + list, r.added + list, r.chains * flips, workers, r.visible);
      joinFlips(removed + list, r.removed + list, r.chains * flips, workers, r.visible);
    }
    clear(on + chain * lists);
  }
  const to = shareStart(panels, worker + 1, workers) * PANEL;
  for (let column = shareStart(panels, worker, workers) * PANEL; column < to; column += PANEL) {
    const bytes = (r.visible + 1) * TABLE_ROW_BYTES, table = r.upTable + column / PANEL * bytes;
    if (r.chains >= PREFETCHED_CHAINS) prefetch(table, bytes, scratch);
    for (let chain = 0; chain < r.chains; chain++) {
      const sums = sumsOf(r, r.upSums, column, chain), list = chain * flips;
      addPanel(sums, sums, table, added + list, 0, 1, removed + list);
      sampleHidden(r, chain, step, labelGain, scratch, sums, column, on + chain * lists);
    }
  }
  for (let chain = 0; chain < r.chains; chain++) close(on + chain * lists, r.hidden);
}

/** v ~ p(v|h) and the logits of y in a worker's columns; with `last` p(v=1|h) too. */
function visibleUnits(r: ChainRun, worker: i32, step: i32, scratch: usize, last: bool): void {
  const workers = r.barrier.workers, panels = padded(r.visible + r.labels) / PANEL;
  const lists = listBytes(r.hidden), flips = listBytes(r.visible);
  const own = worker * r.chains * flips, added = r.added + own, removed = r.removed + own;
  for (let chain = 0; chain < r.chains; chain++) {
    clear(added + chain * flips);
    clear(removed + chain * flips);
  }
  const to = shareStart(panels, worker + 1, workers) * PANEL;
  for (let column = shareStart(panels, worker, workers) * PANEL; column < to; column += PANEL) {
    const bytes = (r.hidden + 1) * TABLE_ROW_BYTES, table = r.downTable + column / PANEL * bytes;
    if (r.chains >= PREFETCHED_CHAINS) prefetch(table, bytes, scratch);
    for (let chain = 0; chain < r.chains; chain++) {
      const sums = sumsOf(r, r.downSums, column, chain), list = chain * flips;
      const bias = r.downBias + (column << 2);
      addPanel(sums, bias, table, r.on + chain * lists, r.chains * lists, workers, 0);
      if (column >= r.visible) continue; // labels alone
      const state = r.state + (worker * r.chains + chain) * stateBytes(r);
      sampleVisible(r, chain, step, scratch, sums, column, state, added + list, removed + list);
      if (last) writeProbabilities(r, chain, sums, column);
    }
  }
  for (let chain = 0; chain < r.chains; chain++) {
    close(added + chain * flips, r.visible);
    close(removed + chain * flips, r.visible);
  }
}

/**
 * 32 sums ← start + rows of `added`, so many `lists` of them, `stride` bytes apart, − rows of the list
 * `removed`, if it is not 0.
 */
function addPanel(
  sums: usize,
  start: usize,
  table: usize,
  added: usize,
  stride: i32,
  lists: i32,
  removed: usize,
): void {
  let a0 = v128.load(start), a1 = v128.load(start, 16), a2 = v128.load(start, 32);
  let a3 = v128.load(start, 48), a4 = v128.load(start, 64), a5 = v128.load(start, 80);
  let a6 = v128.load(start, 96), a7 = v128.load(start, 112);
  const all = removed ? lists + 1 : lists;
  for (let i = 0; i < all; i++) {
    const isAdded = i < lists, list = isAdded ? added + i * stride : removed;
    const signs = v128.load(isAdded ? ONES : MINUS_ONES);
    for (let at = list + 16, end = <usize> load<u32>(list); at < end; at += 16) {
      const w0 = table + load<u32>(at), w1 = table + load<u32>(at, 4);
      const w2 = table + load<u32>(at, 8), w3 = table + load<u32>(at, 12);
      // Two rows fit 16 bits; interleaving two such sums, the pairwise product with ±1 widens and adds.
      let x = i16x8.add(v128.load(w0), v128.load(w1));
      let y = i16x8.add(v128.load(w2), v128.load(w3));
      a0 = i32x4.add(a0, widen(low16(x, y), signs));
      a1 = i32x4.add(a1, widen(high16(x, y), signs));
      x = i16x8.add(v128.load(w0, 16), v128.load(w1, 16));
      y = i16x8.add(v128.load(w2, 16), v128.load(w3, 16));
      a2 = i32x4.add(a2, widen(low16(x, y), signs));
      a3 = i32x4.add(a3, widen(high16(x, y), signs));
      x = i16x8.add(v128.load(w0, 32), v128.load(w1, 32));
      y = i16x8.add(v128.load(w2, 32), v128.load(w3, 32));
      a4 = i32x4.add(a4, widen(low16(x, y), signs));
      a5 = i32x4.add(a5, widen(high16(x, y), signs));
      x = i16x8.add(v128.load(w0, 48), v128.load(w1, 48));
      y = i16x8.add(v128.load(w2, 48), v128.load(w3, 48));
      a6 = i32x4.add(a6, widen(low16(x, y), signs));
      a7 = i32x4.add(a7, widen(high16(x, y), signs));
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

// @inline
function low16(x: v128, y: v128): v128 {
  return v128.shuffle<i16>(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @inline
function high16(x: v128, y: v128): v128 {
  return v128.shuffle<i16>(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @inline
function widen(pairs: v128, signs: v128): v128 {
  return i32x4.dot_i16x8_s(pairs, signs);
}

/** Samples the hidden units of a panel and lists those that are on. */
function sampleHidden(
  r: ChainRun,
  chain: i32,
  step: i32,
  labelGain: f32,
  u: usize,
  sums: usize,
  unit: i32,
  list: usize,
): void {
  fillUniform(
    u,
    unit,
    unit + PANEL,
    r.hiddenLayer,
    step,
    r.firstChain + chain,
    r.seedLow,
    r.seedHigh,
  );
  const labelGains = f32x4.splat(labelGain), minus = f32x4.splat(-r.inverseTemperature);
  let scales = r.upScale + (unit << 2), word: u32 = 0;
  let labels = r.labelWeights +
    ((load<i32>(r.label + (chain << 2)) * padded(r.hidden) + unit) << 2);
  for (let half = 0; half < PANEL; half += 16) {
    const m0 = isOn(hiddenLogit(sums, scales, labels, labelGains), minus, v128.load(u));
    const m1 = isOn(
      hiddenLogit(sums + 16, scales + 16, labels + 16, labelGains),
      minus,
      v128.load(u, 16),
    );
    const m2 = isOn(
      hiddenLogit(sums + 32, scales + 32, labels + 32, labelGains),
      minus,
      v128.load(u, 32),
    );
    const m3 = isOn(
      hiddenLogit(sums + 48, scales + 48, labels + 48, labelGains),
      minus,
      v128.load(u, 48),
    );
    word |= bitmask16(m0, m1, m2, m3) << half;
    sums += 64;
    scales += 64;
    labels += 64;
    u += 64;
  }
  append(list, word & inside(r.hidden - unit), unit);
}

// @inline
function hiddenLogit(sums: usize, scales: usize, labels: usize, labelGain: v128): v128 {
  const own = f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), v128.load(scales));
  return f32x4.add(own, f32x4.mul(labelGain, v128.load(labels)));
}

/** u < σ(x / T), as u + u·e^(−x/T) < 1: no division. */
// @inline
function isOn(x: v128, minusInverseTemperature: v128, u: v128): v128 {
  const e = exp4(f32x4.mul(x, minusInverseTemperature));
  return f32x4.lt(f32x4.add(u, f32x4.mul(u, e)), one4());
}

// @inline
function bitmask16(m0: v128, m1: v128, m2: v128, m3: v128): i32 {
  return i8x16.bitmask(
    i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3)),
  );
}

/** Bits of the `count` first units of a word of 32. */
// @inline
function inside(count: i32): u32 {
  return count >= 32 ? 0xffffffff : (1 << count) - 1;
}

/** Empties a list: its first word is where it ends. */
// @inline
function clear(list: usize): void {
  store<u32>(list, <u32> list + 16);
}

/** Adds the row offsets of a word's units to a list. */
// @inline
function append(list: usize, word: u32, unit: i32): void {
  let end = <usize> load<u32>(list);
  while (word) {
    store<u32>(end, (unit + ctz(word)) * TABLE_ROW_BYTES);
    end += 4;
    word &= word - 1;
  }
  store<u32>(list, <u32> end);
}

/** Fills a list up to four with the row of zeros. */
// @inline
function close(list: usize, zeroRow: i32): void {
  let end = <usize> load<u32>(list);
  while (end & 15) {
    store<u32>(end, zeroRow * TABLE_ROW_BYTES);
    end += 4;
  }
  store<u32>(list, <u32> end);
}

/** One list of several, without the rows of zeros at their ends but for its own. */
function joinFlips(out: usize, from: usize, stride: i32, lists: i32, zeroRow: i32): void {
  let to = out + 16;
  for (let list = 0; list < lists; list++, from += stride) {
    for (let at = from + 16, end = <usize> load<u32>(from); at < end; at += 4) {
      const row = load<u32>(at);
      if (row == zeroRow * TABLE_ROW_BYTES) break;
      store<u32>(to, row);
      to += 4;
    }
  }
  store<u32>(out, <u32> to);
  close(out, zeroRow);
}

/** Samples the visible units of a panel and lists those that flipped. */
function sampleVisible(
  r: ChainRun,
  chain: i32,
  step: i32,
  u: usize,
  sums: usize,
  unit: i32,
  state: usize,
  added: usize,
  removed: usize,
): void {
  fillUniform(
    u,
    unit,
    unit + PANEL,
    r.visibleLayer,
    step,
    r.firstChain + chain,
    r.seedLow,
    r.seedHigh,
  );
  const minus = f32x4.splat(-r.inverseTemperature);
  let scales = r.downScale + (unit << 2), next: u32 = 0;
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
  append(added, next & ~before, unit);
  append(removed, before & ~next, unit);
}

// @inline
function visibleLogit(sums: usize, scales: usize): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), v128.load(scales));
}

/** p(v=1|h) of a chain in a panel. */
function writeProbabilities(r: ChainRun, chain: i32, sums: usize, column: i32): void {
  const out = r.probabilities + ((chain * padded(r.visible) + column) << 2);
  const minus = f32x4.splat(-r.inverseTemperature), scales = r.downScale + (column << 2);
  for (let at = 0; at < SUM_BYTES; at += 16) {
    const e = exp4(f32x4.mul(visibleLogit(sums + at, scales + at), minus));
    v128.store(out + at, f32x4.div(one4(), f32x4.add(one4(), e)));
  }
}

/** p(y|h) by a stable softmax; a sample by inversion of the running sum unless labels are held. */
function sampleLabel(r: ChainRun, chain: i32, step: i32, scratch: usize): void {
  const out = r.labelProbabilities + ((chain * r.labels) << 2);
  let largest: f64 = -Infinity;
  for (let i = 0; i < r.labels; i++) largest = max(largest, labelLogit(r, chain, i));
  let total: f64 = 0;
  for (let i = 0; i < r.labels; i++) {
    const x = <f32> (labelLogit(r, chain, i) - largest);
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

// @inline
function labelLogit(r: ChainRun, chain: i32, i: i32): f64 {
  const unit = r.visible + i, lane = unit & PANEL - 1;
  const sum = <f64> load<i32>(sumsOf(r, r.downSums, unit - lane, chain) + (lane << 2));
  return sum * <f64> load<f32>(r.downScale + (unit << 2)) * <f64> r.inverseTemperature;
}
