/**
 * The discriminative gradient of an RBM with labels: one step up ⟨log p(y|x)⟩, label and input given.
 * Larochelle, Bengio (2008), "Classification using discriminative restricted Boltzmann machines", §4.
 * @module
 */
import {
  RbmBatch,
  clear,
  firstColumn,
  hiddenSums,
  labelListBytes,
  labelLists,
  padded,
  rowList,
  scratchBytes,
  sumPanel,
  visibleUnits,
  ZEROS,
} from "./batch";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { exp4, sigmoid4, softplus4, sumLanes } from "../simd/math";
import { transpose32x32 } from "../simd/products";
import { waitForAll, shareStart } from "../simd/barrier";
import { addScaled, readInputs } from "./contrastive_divergence";

/** A label whose share is below half a unit in the last place of the largest moves nothing. */
const NEGLIGIBLE: f32 = 3e-8;

/**
 * A worker's share. With o_y = c + x·W + U_y and e_y = [y is the label] − p(y|x), the gradients are
 * d = Σ_y e_y·σ(o_y) for c, x·d for W, e_y·σ(o_y) for U_y and e_y for its bias. It ends with e in
 * `labelErrors`.
 */
export function discriminateBatch(r: RbmBatch, worker: i32): void {
  const workers = r.barrier.workers;
  readInputs(r, worker, workers);
  if (worker == 0) {
    for (let row = 0; row < r.rows; row++) {
      clear(labelLists(r, r.dataLists) + row * labelListBytes(r));
    }
  }
  waitForAll(r.barrier, worker);
  hiddenSums(r, worker, workers, r.data, r.dataLists, r.rows, false);
  sumSoftplus(r, worker, workers);
  waitForAll(r.barrier, worker);
  const to = shareStart(r.rows, worker + 1, workers);
  for (let row = shareStart(r.rows, worker, workers); row < to; row++) measure(r, row);
  waitForAll(r.barrier, worker);
  learn(r, worker, workers);
  if (worker > 0) return waitForAll(r.barrier, worker);
  const rate: f32 = r.learningRate / <f32> r.rows;
  for (let y = 0; y < r.labels; y++) {
    let sum: f32 = 0;
    for (let row = 0; row < r.rows; row++) sum += load<f32>(labelError(r, row, y));
    const bias = r.visibleBias + ((r.pixels + y) << 2);
    store<f32>(bias, load<f32>(bias) + rate * sum);
  }
  waitForAll(r.barrier, worker);
}

// @ts-ignore: decorator
@inline
function labelError(r: RbmBatch, row: i32, y: i32): usize {
  return r.labelErrors + ((row * r.labels + y) << 2);
}

// @ts-ignore: decorator
@inline
function labelPartial(r: RbmBatch, column: i32, row: i32, y: i32): usize {
  return r.labelPartials + (((column / PANEL * r.maxRows + row) * r.labels + y) << 2);
}

/** The weights of a label into the 32 hidden units of a column's panel. */
// @ts-ignore: decorator
@inline
function labelWeights(r: RbmBatch, column: i32, y: i32): usize {
  return r.weights + column * (visibleUnits(r) << 2) + (r.pixels + y) * ROW_BYTES;
}

/** Σ softplus(o_y) over each panel of a worker's columns; the padding adds the same for every label. */
function sumSoftplus(r: RbmBatch, worker: i32, workers: i32): void {
  const to = firstColumn(padded(r.hidden), worker + 1, workers);
  for (let column = firstColumn(padded(r.hidden), worker, workers); column < to; column += PANEL) {
    for (let row = 0; row < r.rows; row++) {
      const sums = r.data + (column * r.maxRows << 2) + row * ROW_BYTES;
      for (let y = 0; y < r.labels; y++) {
        const label = labelWeights(r, column, y);
        let total = f32x4.splat(0);
        for (let at = 0; at < ROW_BYTES; at += 16) {
          const x = f32x4.add(v128.load(sums + at), v128.load(label + at));
          total = f32x4.add(total, softplus4(x));
        }
        store<f32>(labelPartial(r, column, row, y), sumLanes(total));
      }
    }
  }
}

/**
 * [y is the label] − p(y|x) of a row: softmax of b_y + Σ softplus(o_y). Leaves the two parts of
 * −log p(label|x) in `errors`: the largest score − the label's, and what to add the logarithm of.
 */
function measure(r: RbmBatch, row: i32): void {
  const pad = padded(r.hidden), target = load<i32>(r.targets + (row << 2));
  let largest: f32 = -Infinity, total: f32 = 0;
  for (let y = 0; y < r.labels; y++) {
    let sum = load<f32>(r.visibleBias + ((r.pixels + y) << 2));
    for (let column = 0; column < pad; column += PANEL) {
      sum += load<f32>(labelPartial(r, column, row, y));
    }
    store<f32>(labelError(r, row, y), sum);
    largest = max(largest, sum);
  }
  store<f32>(r.errors + (row << 2), largest - load<f32>(labelError(r, row, target)));
  for (let y = 0; y < r.labels; y++) {
    const at = labelError(r, row, y);
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
    store<f32>(at, e);
    total += e;
  }
  store<f32>(r.errors + ((r.maxRows + row) << 2), total);
  for (let y = 0; y < r.labels; y++) {
    const at = labelError(r, row, y);
    store<f32>(at, (y == target ? <f32> 1 : <f32> 0) - load<f32>(at) / total);
  }
}

/** The update of a worker's columns; d is left in `model`. */
function learn(r: RbmBatch, worker: i32, workers: i32): void {
  const visible = visibleUnits(r), pad = padded(r.hidden);
  const rate: f32 = r.learningRate / <f32> r.rows;
  const gradient = r.scratch + worker * scratchBytes(r) + (max(pad, visible) << 2);
  const to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    const place = column * r.maxRows << 2, d = r.model + place;
    memory.fill(d, 0, r.rows * ROW_BYTES);
    for (let y = 0; y < r.labels; y++) {
      learnLabel(r, column, y, gradient);
      addScaled(labelWeights(r, column, y), gradient, rate);
    }
    const table = r.weights + column * (visible << 2), bias = r.hiddenBias + (column << 2);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      let sum = f32x4.splat(0);
      for (let row = 0; row < r.rows; row++) {
        sum = f32x4.add(sum, v128.load(d + row * ROW_BYTES + at));
      }
      v128.store(gradient + at, sum);
    }
    addScaled(bias, gradient, rate);
    for (let unit = 0; unit < visible; unit += PANEL) {
      const count = min(PANEL, r.pixels - unit);
      for (let i = 0; i < count; i++) {
        sumPanel(gradient, ZEROS, d, rowList(r, unit + i), 0, 1, r.sampleInputs);
        addScaled(table + (unit + i) * ROW_BYTES, gradient, rate);
      }
      transpose32x32(r.transposed + unit * (pad << 2) + column * ROW_BYTES, table + unit * ROW_BYTES);
    }
  }
}

/** Σ e_y·σ(o_y) over the rows for 32 hidden units, and its terms added to d. */
function learnLabel(r: RbmBatch, column: i32, y: i32, out: usize): void {
  const place = column * r.maxRows << 2, label = labelWeights(r, column, y);
  memory.fill(out, 0, ROW_BYTES);
  for (let row = 0; row < r.rows; row++) {
    const error = load<f32>(labelError(r, row, y));
    if (abs<f32>(error) < NEGLIGIBLE) continue;
    const e = f32x4.splat(error), sums = r.data + place + row * ROW_BYTES;
    const d = r.model + place + row * ROW_BYTES, mask = r.hiddenMask + (column << 2);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const x = f32x4.add(v128.load(sums + at), v128.load(label + at));
      const term = f32x4.mul(f32x4.mul(e, sigmoid4(x)), v128.load(mask + at));
      v128.store(out + at, f32x4.add(v128.load(out + at), term));
      v128.store(d + at, f32x4.add(v128.load(d + at), term));
    }
  }
}
