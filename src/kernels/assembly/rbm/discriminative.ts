/**
 * The discriminative gradient of an RBM with labels: one step up ⟨log p(y|x)⟩, label and input given.
 * Larochelle, Bengio (2008), "Classification using discriminative restricted Boltzmann machines", §4.
 *
 * With o_y = c + x·W + U_y and e_y = [y is the label] − p(y|x), the gradients are d = Σ_y e_y·σ(o_y) for
 * c, x·d for W, e_y·σ(o_y) for U_y and e_y for its bias.
 * @module
 */
import { sumHiddenShare } from "./conditionals";
import { Inputs, readInputs } from "./inputs";
import {
  blockOf,
  firstColumn,
  labelList,
  padded,
  panelOf,
  RbmContext,
  States,
  visibleUnits,
} from "./memory";
import { Statistics, unitList } from "./statistics";
import { clear, sumRows } from "../simd/row_lists";
import { addScaled, ZEROS } from "../simd/vectors";
import { exp4, sigmoid4, softplus4, sumLanes } from "../simd/math";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { transpose32x32 } from "../simd/products";
import { shareStart, waitForAll } from "../simd/barrier";

/** A label whose share is below half a unit in the last place of the largest moves nothing. */
const NEGLIGIBLE: f32 = 3e-8;

/** A mini-batch. */
// @ts-ignore: decorator
@unmanaged
export class DiscriminativeBatch {
  context: RbmContext;
  inputs: Inputs;
  data: States;
  statistics: Statistics;
  learningRate: f32;
  differences: usize; // (H/32, R, 32): d
  labelErrors: usize; // (B, L): e
  labelPartials: usize; // (H/32, R, L): Σ softplus(o_y) over a panel
  losses: usize; // (2, R): see measure
}

/** A worker's share. */
export function discriminate(b: DiscriminativeBatch, worker: i32): void {
  const r = b.context, data = b.data, workers = r.barrier.workers, rows = data.rows;
  readInputs(r, b.inputs, data, b.statistics, worker);
  if (worker == 0) {
    for (let row = 0; row < rows; row++) clear(labelList(r, data.labels, row));
  }
  waitForAll(r.barrier, worker);
  sumHiddenShare(r, data, worker, data.hidden); // c + x·W
  sumSoftplus(b, worker);
  waitForAll(r.barrier, worker);
  const to = shareStart(rows, worker + 1, workers);
  for (let row = shareStart(rows, worker, workers); row < to; row++) measure(b, row);
  waitForAll(r.barrier, worker);
  learn(b, worker);
  if (worker == 0) learnLabelBiases(b);
  waitForAll(r.barrier, worker);
}

// @inline
function labelError(b: DiscriminativeBatch, row: i32, y: i32): usize {
  return b.labelErrors + ((row * b.context.labels + y) << 2);
}

// @inline
function labelPartial(b: DiscriminativeBatch, column: i32, row: i32, y: i32): usize {
  const r = b.context;
  return b.labelPartials + (((column / PANEL * r.maxRows + row) * r.labels + y) << 2);
}

/** The weights of a label into the 32 hidden units of a column's panel. */
// @inline
function labelWeights(r: RbmContext, column: i32, y: i32): usize {
  return r.weights + column * (visibleUnits(r) << 2) + (r.pixels + y) * ROW_BYTES;
}

/** Σ softplus(o_y) over each panel of a worker's columns; the padding adds the same for every label. */
function sumSoftplus(b: DiscriminativeBatch, worker: i32): void {
  const r = b.context, pad = padded(r.hidden), workers = r.barrier.workers, rows = b.data.rows;
  const to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    for (let row = 0; row < rows; row++) {
      const sums = panelOf(r, b.data.hidden, column) + row * ROW_BYTES;
      for (let y = 0; y < r.labels; y++) {
        const label = labelWeights(r, column, y);
        let total = f32x4.splat(0);
        for (let at = 0; at < ROW_BYTES; at += 16) {
          const x = f32x4.add(v128.load(sums + at), v128.load(label + at));
          total = f32x4.add(total, softplus4(x));
        }
        store<f32>(labelPartial(b, column, row, y), sumLanes(total));
      }
    }
  }
}

/**
 * e of a row, from p(y|x) = softmax of b_y + Σ softplus(o_y). Leaves the two parts of −log p(label|x) in
 * `losses`: the largest score − the label's, and what to add the logarithm of.
 */
function measure(b: DiscriminativeBatch, row: i32): void {
  const r = b.context, pad = padded(r.hidden), labels = r.labels;
  const target = load<i32>(b.inputs.targets + (row << 2));
  let largest: f32 = -Infinity, total: f32 = 0;
  for (let y = 0; y < labels; y++) {
    let sum = load<f32>(r.visibleBias + ((r.pixels + y) << 2));
    for (let column = 0; column < pad; column += PANEL) {
      sum += load<f32>(labelPartial(b, column, row, y));
    }
    store<f32>(labelError(b, row, y), sum);
    largest = max(largest, sum);
  }
  store<f32>(b.losses + (row << 2), largest - load<f32>(labelError(b, row, target)));
  for (let y = 0; y < labels; y++) {
    const at = labelError(b, row, y);
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
    store<f32>(at, e);
    total += e;
  }
  store<f32>(b.losses + ((r.maxRows + row) << 2), total);
  for (let y = 0; y < labels; y++) {
    const at = labelError(b, row, y);
    store<f32>(at, (y == target ? <f32> 1 : <f32> 0) - load<f32>(at) / total);
  }
}

/** The update of a worker's columns. */
function learn(b: DiscriminativeBatch, worker: i32): void {
  const r = b.context, visible = visibleUnits(r), pad = padded(r.hidden), rows = b.data.rows;
  const rate: f32 = b.learningRate / <f32> rows, gradient = blockOf(r, worker);
  const workers = r.barrier.workers, form = b.statistics.form;
  const to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    const d = panelOf(r, b.differences, column);
    memory.fill(d, 0, rows * ROW_BYTES);
    for (let y = 0; y < r.labels; y++) {
      sumLabelGradient(b, column, y, gradient);
      addScaled(labelWeights(r, column, y), gradient, rate);
    }
    const table = r.weights + column * (visible << 2);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      let sum = f32x4.splat(0);
      for (let row = 0; row < rows; row++) {
        sum = f32x4.add(sum, v128.load(d + row * ROW_BYTES + at));
      }
      v128.store(gradient + at, sum);
    }
    addScaled(r.hiddenBias + (column << 2), gradient, rate);
    for (let unit = 0; unit < visible; unit += PANEL) {
      const count = min(PANEL, r.pixels - unit);
      for (let i = 0; i < count; i++) {
        sumRows(gradient, ZEROS, d, unitList(r, b.statistics, unit + i), form);
        addScaled(table + (unit + i) * ROW_BYTES, gradient, rate);
      }
      transpose32x32(
        r.transposed + unit * (pad << 2) + column * ROW_BYTES,
        table + unit * ROW_BYTES,
      );
    }
  }
}

/** Σ e_y·σ(o_y) over the rows for 32 hidden units, and its terms added to d. */
function sumLabelGradient(b: DiscriminativeBatch, column: i32, y: i32, out: usize): void {
  const r = b.context, label = labelWeights(r, column, y), mask = r.hiddenMask + (column << 2);
  const panel = panelOf(r, b.data.hidden, column), differences = panelOf(r, b.differences, column);
  memory.fill(out, 0, ROW_BYTES);
  for (let row = 0; row < b.data.rows; row++) {
    const error = load<f32>(labelError(b, row, y));
    if (abs<f32>(error) < NEGLIGIBLE) continue;
    const e = f32x4.splat(error), sums = panel + row * ROW_BYTES, d = differences + row * ROW_BYTES;
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const x = f32x4.add(v128.load(sums + at), v128.load(label + at));
      const term = f32x4.mul(f32x4.mul(e, sigmoid4(x)), v128.load(mask + at));
      v128.store(out + at, f32x4.add(v128.load(out + at), term));
      v128.store(d + at, f32x4.add(v128.load(d + at), term));
    }
  }
}

/** b_y += η·⟨e_y⟩ */
function learnLabelBiases(b: DiscriminativeBatch): void {
  const r = b.context, rows = b.data.rows, rate: f32 = b.learningRate / <f32> rows;
  for (let y = 0; y < r.labels; y++) {
    let sum: f32 = 0;
    for (let row = 0; row < rows; row++) sum += load<f32>(labelError(b, row, y));
    const bias = r.visibleBias + ((r.pixels + y) << 2);
    store<f32>(bias, load<f32>(bias) + rate * sum);
  }
}
