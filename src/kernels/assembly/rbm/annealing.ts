/**
 * Annealed importance sampling of a batch's chains: through inverse temperatures, or along a path from
 * one RBM to another. Neal (2001); Salakhutdinov, Murray (2008), "On the quantitative analysis of deep
 * belief networks".
 * @module
 */
import {
  activateHidden,
  RbmBatch,
  betaOf,
  entryBytes,
  firstColumn,
  HEAD_BYTES,
  hiddenSums,
  labelListBytes,
  listBytes,
  listVisible,
  padded,
  sampleLabels,
  toLists,
  visibleSample,
  visibleUnits,
} from "./batch";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { softplus4 } from "../simd/math";
import { transpose32x32 } from "../simd/products";
import { waitForAll, shareStart } from "../simd/barrier";

/**
 * A worker's share of `k` steps through inverse temperatures: before each, the gains take in log p(v) at
 * the next one − at this one.
 */
export function annealBatch(r: RbmBatch, worker: i32): void {
  const workers = r.barrier.workers, steps = r.k, rows = r.modelRows;
  for (let s = 0; s < steps; s++) {
    const before = load<f32>(r.schedule + (s << 2)), beta = load<f32>(r.schedule + (s << 2), 4);
    hiddenSums(r, worker, workers, r.model, r.modelLists, rows, false);
    addTemperatureGains(r, worker, workers, beta, before);
    gibbsStep(r, worker, workers, beta, r.step + s);
  }
}

/**
 * The same along the line of parameters from the first RBM of `path` to the second, at the shares of it
 * that the schedule names. The batch's weights and biases end as those of the last share.
 */
export function annealPath(r: RbmBatch, worker: i32): void {
  const workers = r.barrier.workers, steps = r.k, rows = r.modelRows;
  goTo(r, worker, workers, load<f32>(r.schedule));
  waitForAll(r.barrier, worker);
  for (let s = 0; s < steps; s++) {
    const before = load<f32>(r.schedule + (s << 2)), share = load<f32>(r.schedule + (s << 2), 4);
    hiddenSums(r, worker, workers, r.data, r.modelLists, rows, false);
    goTo(r, worker, workers, share);
    hiddenSums(r, worker, workers, r.model, r.modelLists, rows, false);
    addHiddenGains(r, worker, workers, 1, 1, r.data);
    const from = visibleBiasOf(r, 0), to = visibleBiasOf(r, 1);
    addVisibleGains(r, worker, workers, share, before, to, from);
    gibbsStep(r, worker, workers, 1, r.step + s);
  }
}

/** From the hidden units' sums in `model` to the next visible states. */
function gibbsStep(r: RbmBatch, worker: i32, workers: i32, beta: f32, step: i32): void {
  const rows = r.modelRows;
  activateHidden(r, worker, workers, r.model, rows, beta, r.layer, step);
  toLists(r, worker, workers, rows);
  visibleSample(r, worker, rows, r.layer, step, false, false, beta, true);
  waitForAll(r.barrier, worker);
  if (r.labels > 0 && worker == 0) sampleLabels(r, r.layer + 2, step, false);
  listVisible(r, worker, workers, rows, false);
  waitForAll(r.barrier, worker);
}

/** Adds to the gains log p(v) at inverse temperature `beta` − at `other`, or at the rows' own. */
export function addTemperatureGains(
  r: RbmBatch,
  worker: i32,
  workers: i32,
  beta: f32,
  other: f32,
): void {
  addHiddenGains(r, worker, workers, beta, other, r.model);
  addVisibleGains(r, worker, workers, beta, other, r.visibleBias, r.baseBias);
}

/**
 * What hidden units say: Σ softplus(β·sum) − softplus(β′·sum′) over a worker's columns, sums in `model`
 * and sums′ in `others`.
 */
function addHiddenGains(
  r: RbmBatch,
  worker: i32,
  workers: i32,
  beta: f32,
  other: f32,
  others: usize,
): void {
  const pad = padded(r.hidden), to = firstColumn(pad, worker + 1, workers);
  for (let row = 0; row < r.modelRows; row++) {
    const b = betaOf(r, row, beta), o = r.betas ? load<f32>(r.partnerBetas + (row << 2)) : other;
    if (b == o && others == r.model) continue;
    const scale = f32x4.splat(b), otherScale = f32x4.splat(o);
    let low = f64x2.splat(0), high = f64x2.splat(0);
    for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
      const first = (column * r.maxRows << 2) + row * ROW_BYTES;
      for (let at = first; at < first + ROW_BYTES; at += 16) { // padding sums are 0, which gains nothing
        const own = softplus4(f32x4.mul(scale, v128.load(r.model + at)));
        const its = softplus4(f32x4.mul(otherScale, v128.load(others + at)));
        const gain = f32x4.sub(own, its);
        low = f64x2.add(low, f64x2.promote_low_f32x4(gain));
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(gain, gain, 1, 1)));
      }
    }
    const sum = f64x2.add(low, high), to64 = r.gains + ((worker * r.maxRows + row) << 3);
    store<f64>(to64, load<f64>(to64) + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
  }
}

/** What visible units say: (β − β′)·Σ (bias − base)·v, for a worker's share of the rows. */
function addVisibleGains(
  r: RbmBatch,
  worker: i32,
  workers: i32,
  beta: f32,
  other: f32,
  bias: usize,
  base: usize,
): void {
  const bytes = listBytes(r.pixels), end = shareStart(r.modelRows, worker + 1, workers);
  for (let row = shareStart(r.modelRows, worker, workers); row < end; row++) {
    const b = betaOf(r, row, beta), o = r.betas ? load<f32>(r.partnerBetas + (row << 2)) : other;
    if (b == o) continue;
    let sum = biasGain(r.modelLists + row * bytes, entryBytes(true), bias, base);
    if (r.labels > 0) {
      sum += biasGain(r.modelLabels + row * labelListBytes(r), entryBytes(false), bias, base);
    }
    const to = r.gains + ((worker * r.maxRows + row) << 3);
    store<f64>(to, load<f64>(to) + <f64> (b - o) * sum);
  }
}

function biasGain(list: usize, step: i32, bias: usize, base: usize): f64 {
  let sum: f64 = 0;
  for (let at = list + HEAD_BYTES, end = <usize> load<u32>(list); at < end; at += step) {
    const offset = load<u32>(at) / PANEL; // a row of the weights is 32 times as long
    sum += <f64> load<f32>(bias + offset) - <f64> load<f32>(base + offset);
  }
  return sum;
}

/** Bytes of an RBM's weights. */
// @ts-ignore: decorator
@inline
function weightBytes(r: RbmBatch): i32 {
  return visibleUnits(r) * padded(r.hidden) << 2;
}

/** The weights of an end of the path. */
// @ts-ignore: decorator
@inline
function weightsOf(r: RbmBatch, end: i32): usize {
  return r.path + end * (weightBytes(r) + ((visibleUnits(r) + padded(r.hidden)) << 2));
}

// @ts-ignore: decorator
@inline
function visibleBiasOf(r: RbmBatch, end: i32): usize {
  return weightsOf(r, end) + weightBytes(r);
}

// @ts-ignore: decorator
@inline
function hiddenBiasOf(r: RbmBatch, end: i32): usize {
  return visibleBiasOf(r, end) + (visibleUnits(r) << 2);
}

/** A worker's share of the parameters ← those at `share` of the path. */
function goTo(r: RbmBatch, worker: i32, workers: i32, share: f32): void {
  const visible = visibleUnits(r), pad = padded(r.hidden);
  const to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    const at = column * (visible << 2);
    blend(r.weights + at, weightsOf(r, 0) + at, weightsOf(r, 1) + at, share, visible * ROW_BYTES);
    for (let unit = 0; unit < visible; unit += PANEL) {
      const block = r.weights + at + unit * ROW_BYTES;
      transpose32x32(r.transposed + unit * (pad << 2) + column * ROW_BYTES, block);
    }
    const bias = column << 2;
    blend(r.hiddenBias + bias, hiddenBiasOf(r, 0) + bias, hiddenBiasOf(r, 1) + bias, share, ROW_BYTES);
  }
  const first = firstColumn(visible, worker, workers) << 2;
  const bytes = (firstColumn(visible, worker + 1, workers) << 2) - first;
  const from = visibleBiasOf(r, 0) + first, until = visibleBiasOf(r, 1) + first;
  blend(r.visibleBias + first, from, until, share, bytes);
}

/** out ← from + share·(to − from) */
function blend(out: usize, from: usize, to: usize, share: f32, bytes: i32): void {
  const scale = f32x4.splat(share);
  for (let at = 0; at < bytes; at += 16) {
    const start = v128.load(from + at);
    const way = f32x4.mul(scale, f32x4.sub(v128.load(to + at), start));
    v128.store(out + at, f32x4.add(start, way));
  }
}
