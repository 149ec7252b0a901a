/**
 * The update of an RBM by the statistics of a batch: with momentum and penalties, of weights a panel at a
 * time while they are in cache. Hinton (2012), "A practical guide to training restricted Boltzmann
 * machines", §7–11.
 * @module
 */
import {
  blockOf,
  correctionOf,
  firstColumn,
  hiddenSumsOf,
  padded,
  RbmContext,
  sparsityOf,
  States,
  visibleUnits,
} from "./memory";
import {
  centreBlock,
  centredSum,
  Centring,
  moveHiddenOffsets,
  moveVisibleOffset,
} from "./centring";
import { FastWeights, updateFast32 } from "./fast_weights";
import { addSparsity, measureSparsity, Sparsity } from "./sparsity";
import {
  areasOf,
  correlate,
  placeAreas,
  Statistics,
  sumHiddenUnits,
  sumVisibleUnit,
  visibleMean,
} from "./statistics";
import { addScaled } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { transpose32x32 } from "../simd/products";
import { waitForAll } from "../simd/barrier";

/** Hyper-parameters, named as in recipes; an option that the update needs is added here and used below. */
// @ts-ignore: decorator
@unmanaged
export class UpdateRule {
  learningRate: f32;
  momentum: f32;
  weightCost: f32; // penalty weightCost·w²/2
  l1: f32; // penalty l1·|w|
}

/** What learns, by what, from what. */
// @ts-ignore: decorator
@unmanaged
export class Update {
  data: States;
  model: States;
  statistics: Statistics;
  rule: UpdateRule;
  velocity: usize; // as weights
  visibleVelocity: usize; // (V padded)
  hiddenVelocity: usize; // (H padded)
  fast: FastWeights; // 0 for none
  sparsity: Sparsity; // 0 for none
  centring: Centring; // 0 for none
}

// @inline
function isCentred(u: Update): bool {
  return changetype<usize>(u.centring) != 0;
}

// @inline
function isSparse(u: Update): bool {
  return changetype<usize>(u.sparsity) != 0;
}

/** Sums over visible units, a worker's share of them. The next phase claims panels. */
export function startUpdate(r: RbmContext, u: Update, worker: i32): void {
  const s = u.statistics, workers = r.barrier.workers, visible = visibleUnits(r);
  const centred = isCentred(u), measured = centred || isSparse(u);
  const until = firstColumn(visible, worker + 1, workers);
  for (let i = firstColumn(visible, worker, workers); i < until; i++) {
    store<f32>(s.visibleSums + (i << 2), sumVisibleUnit(r, s, u.data, u.model, i));
    if (!measured) continue;
    const mean = visibleMean(r, s, u.data, i);
    store<f32>(s.visibleMeans + (i << 2), mean);
    if (centred) moveVisibleOffset(u.centring, i, mean);
  }
  if (measured) waitForAll(r.barrier, worker); // every panel needs every unit's
}

/** Updates a panel's weights and hidden biases, once the model's hidden units are there. */
export function updatePanel(r: RbmContext, u: Update, worker: i32, column: i32): void {
  const visible = visibleUnits(r), pad = padded(r.hidden), s = u.statistics, rows = u.data.rows;
  const block = blockOf(r, worker), areas = areasOf(r, s, worker), bias = hiddenSumsOf(block);
  const centred = isCentred(u), sparse = isSparse(u), fast = changetype<usize>(u.fast) != 0;
  const rule = u.rule, rate: f32 = rule.learningRate / <f32> rows;
  const weights = r.weights, chainWeights = u.model.weights, velocity = u.velocity;
  placeAreas(r, s, u.data, u.model, worker, column);
  sumHiddenUnits(areas, r, rows, u.model.rows, bias);
  if (sparse) measureSparsity(r, u.sparsity, u.data, areas, column, block);
  if (centred) {
    memory.fill(correctionOf(block), 0, ROW_BYTES);
    moveHiddenOffsets(u.centring, areas, rows, column);
  }
  for (let unit = 0; unit < visible; unit += PANEL) {
    correlate(r, s, u.data, u.model, worker, unit, block);
    if (centred) centreBlock(r, u.centring, s.visibleSums, column, unit, block);
    if (sparse) addSparsity(block, s.visibleMeans + (unit << 2));
    const at = column * (visible << 2) + unit * ROW_BYTES;
    for (let i = 0; i < PANEL; i++) {
      const gradient = block + i * ROW_BYTES, own = at + i * ROW_BYTES;
      update32(rule, weights + own, velocity + own, gradient, rate);
      if (fast) updateFast32(u.fast, weights, own, gradient, rows);
    }
    transpose32x32(r.transposed + unit * (pad << 2) + column * ROW_BYTES, chainWeights + at);
  }
  if (sparse) addScaled(bias, sparsityOf(block), -1);
  if (centred) addScaled(bias, correctionOf(block), -1);
  updateBias32(rule, r.hiddenBias + (column << 2), u.hiddenVelocity + (column << 2), bias, rate);
}

/** Updates the visible biases, a worker's share of them. */
export function finishUpdate(r: RbmContext, u: Update, worker: i32): void {
  const workers = r.barrier.workers, visible = visibleUnits(r), centred = isCentred(u);
  const rule = u.rule, rate: f32 = rule.learningRate / <f32> u.data.rows;
  if (centred) waitForAll(r.barrier, worker); // the partial sums of all panels
  const until = firstColumn(visible, worker + 1, workers);
  for (let i = firstColumn(visible, worker, workers); i < until; i++) {
    let sum = load<f32>(u.statistics.visibleSums + (i << 2));
    if (centred) sum = centredSum(r, u.centring, i, sum);
    const bias = r.visibleBias + (i << 2), velocity = u.visibleVelocity + (i << 2);
    const next = rule.momentum * load<f32>(velocity) + rate * sum;
    store<f32>(velocity, next);
    store<f32>(bias, load<f32>(bias) + next);
  }
}

/**
 * velocity ← momentum·velocity + rate·gradient − η·(weightCost·w + l1·sign(w)) and w ← w + velocity, for 32
 * weights; `rate` is η for a gradient summed over the batch.
 */
function update32(
  rule: UpdateRule,
  weights: usize,
  velocity: usize,
  gradient: usize,
  rate: f32,
): void {
  const eta = rule.learningRate, momentum = f32x4.splat(rule.momentum), scale = f32x4.splat(rate);
  const decay = f32x4.splat(eta * rule.weightCost), hasL1 = rule.l1 != 0;
  const l1 = f32x4.splat(eta * rule.l1), zero = f32x4.splat(0);
  for (let i = 0; i < ROW_BYTES; i += 16) {
    const w = v128.load(weights + i), scaled = f32x4.mul(scale, v128.load(gradient + i));
    let penalty = f32x4.mul(decay, w);
    if (hasL1) {
      const up = v128.and(f32x4.gt(w, zero), l1), down = v128.and(f32x4.lt(w, zero), l1);
      penalty = f32x4.add(penalty, f32x4.sub(up, down));
    }
    const own = f32x4.mul(momentum, v128.load(velocity + i));
    const next = f32x4.add(own, f32x4.sub(scaled, penalty));
    v128.store(velocity + i, next);
    v128.store(weights + i, f32x4.add(w, next));
  }
}

/** The same of 32 biases, without penalties. */
function updateBias32(
  rule: UpdateRule,
  bias: usize,
  velocity: usize,
  gradient: usize,
  rate: f32,
): void {
  const momentum = f32x4.splat(rule.momentum), scale = f32x4.splat(rate);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const own = f32x4.mul(momentum, v128.load(velocity + at));
    const next = f32x4.add(own, f32x4.mul(v128.load(gradient + at), scale));
    v128.store(velocity + at, next);
    v128.store(bias + at, f32x4.add(v128.load(bias + at), next));
  }
}
