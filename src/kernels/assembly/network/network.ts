/**
 * One mini-batch of a feed-forward network in training: forward, backward, update, on all workers.
 *
 * Activities and weights lie in panels of 32 columns. Every sum runs in order over whole panels of one
 * worker, so the number of workers changes no bit. Products use the fused multiply-add of relaxed
 * SIMD: this module trains and never generates.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { exp4, sigmoid4 } from "../simd/math";
import { addProduct, addProduct4x8, BLOCK_BYTES, transpose32x32, transposePanel } from "../simd/products";
import {
  addNoise,
  NetworkBatch,
  drop,
  inputOf,
  NetworkLayer,
  layerAt,
  panelAt,
  PERTURB,
  rowOf,
  TRAIN,
} from "./batch";
import { normalizePanel, unnormalizePanel } from "./normalization";
import { addDecay, limitNorms, update } from "./optimizers";
import { perturbPanel, perturbRows, squarePanel } from "./perturbation";
import { waitForAll, shareStart } from "../simd/barrier";

// Activations of hidden layers.
const RELU: i32 = 1;

/** A worker's share of one batch. */
export function trainNetwork(b: NetworkBatch, worker: i32): void {
  const workers = b.barrier.workers, last = b.layerCount - 1;
  const scratch = b.scratch + worker * b.scratchBytes;
  forward(b, scratch, worker, workers);
  const rowsTo = shareStart(b.rows, worker + 1, workers);
  for (let row = shareStart(b.rows, worker, workers); row < rowsTo; row++) {
    softmaxRow(b, layerAt(b, last), row);
  }
  waitForAll(b.barrier, worker);
  const top = layerAt(b, last), topTo = shareStart(top.outputs / PANEL, worker + 1, workers);
  for (let panel = shareStart(top.outputs / PANEL, worker, workers); panel < topTo; panel++) {
    const at = rowOf(top.outByOutput, b, panel);
    transposePanel(at, panelAt(top.out, b, panel), b.maxRows, b.rows);
  }
  waitForAll(b.barrier, worker);
  for (let i = last; i >= 0; i--) {
    const layer = layerAt(b, i);
    if (i > 0) {
      const panels = layer.inputs / PANEL, to = shareStart(panels, worker + 1, workers);
      for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
        backwardPanel(b, layer, layerAt(b, i - 1), panel, scratch);
      }
      waitForAll(b.barrier, worker); // weights change after all have read them
    }
    if (b.mode == PERTURB) continue;
    const rowPanels = layer.inputs / PANEL, blocks = rowPanels * (layer.outputs / PANEL);
    const to = shareStart(blocks, worker + 1, workers);
    for (let block = shareStart(blocks, worker, workers); block < to; block++) {
      updateBlock(b, layer, block / rowPanels, block % rowPanels, scratch);
    }
    if (b.normalized && i < last) continue; // its biases have moved already
    const panels = layer.outputs / PANEL, panelsTo = shareStart(panels, worker + 1, workers);
    for (let panel = shareStart(panels, worker, workers); panel < panelsTo; panel++) {
      updateBias(b, layer, panel, scratch);
    }
  }
  if (b.mode == PERTURB) {
    const bottom = layerAt(b, 0), panels = bottom.inputs / PANEL;
    const from = shareStart(panels, worker, workers), to = shareStart(panels, worker + 1, workers);
    for (let panel = from; panel < to; panel++) {
      backPanel(b, bottom, panelAt(bottom.x, b, panel), panel, scratch);
      if (b.euclidean) squarePanel(b, bottom, panel);
    }
    if (b.euclidean) waitForAll(b.barrier, worker); // a row's norm is of all panels
    for (let panel = from; panel < to; panel++) {
      if (b.euclidean) perturbRows(b, bottom, panel);
      else perturbPanel(b, bottom, panel);
    }
  }
  const bounded = b.maxNorm != 0 && b.mode == TRAIN; // after the last meeting b may be of another batch
  waitForAll(b.barrier, worker);
  if (!bounded) return;
  for (let i = 0; i < last; i++) {
    const layer = layerAt(b, i), panels = layer.outputs / PANEL;
    const to = shareStart(panels, worker + 1, workers);
    for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
      limitNorms(layer, panel, b.maxNorm);
    }
  }
  waitForAll(b.barrier, worker);
}

/** Scores of the batch's rows alone, without dropout, into `out` of the last layer. */
export function runNetwork(b: NetworkBatch, worker: i32): void {
  forward(b, b.scratch + worker * b.scratchBytes, worker, b.barrier.workers);
}

function forward(b: NetworkBatch, scratch: usize, worker: i32, workers: i32): void {
  const last = b.layerCount - 1;
  placeInputs(b, layerAt(b, 0), scratch, worker, workers);
  waitForAll(b.barrier, worker);
  for (let i = 0; i <= last; i++) {
    const layer = layerAt(b, i), panels = layer.outputs / PANEL;
    const to = shareStart(panels, worker + 1, workers);
    for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
      const normalized = b.normalized != 0 && i < last;
      forwardPanel(b, layer, panel, normalized);
      if (normalized) normalizePanel(b, layer, i + 1, panel, scratch);
      if (i < last) activatePanel(b, layer, layerAt(b, i + 1), i + 1, panel, scratch);
    }
    waitForAll(b.barrier, worker);
  }
}

/** Copies a worker's columns of the inputs into panels, with some left out. */
function placeInputs(b: NetworkBatch, layer: NetworkLayer, scratch: usize, worker: i32, workers: i32): void {
  const panels = layer.inputs / PANEL, to = shareStart(panels, worker + 1, workers);
  for (let panel = shareStart(panels, worker, workers); panel < to; panel++) {
    const x = panelAt(layer.x, b, panel), count = min(PANEL, b.inputSize - panel * PANEL);
    for (let row = 0; row < b.rows; row++) {
      const at = x + row * ROW_BYTES;
      if (count < PANEL) memory.fill(at, 0, ROW_BYTES);
      memory.copy(at, inputOf(b, row, panel), count << 2);
      if (b.inputNoise > 0) addNoise(b, at, at, row, panel, 0, b.inputNoise, count, scratch);
      if (b.inputKeep < 1) drop(b, at, row, panel, b.stream, b.inputKeep, scratch);
    }
    transposePanel(rowOf(layer.xByInput, b, panel), x, b.maxRows, b.rows);
  }
}

/** out[panel] ← x·w + bias, or x·w where it is to be normalized. */
function forwardPanel(b: NetworkBatch, layer: NetworkLayer, panel: i32, normalized: bool): void {
  const out = panelAt(layer.out, b, panel), bias = layer.bias + panel * ROW_BYTES;
  if (normalized) memory.fill(out, 0, b.rows * ROW_BYTES);
  else for (let row = 0; row < b.rows; row++) memory.copy(out + row * ROW_BYTES, bias, ROW_BYTES);
  const w = layer.weights + panel * layer.inputs * ROW_BYTES;
  addProduct(out, layer.xByInput, b.maxRows, w, layer.inputs, b.rows);
}

/** x of the next layer ← f(out) of this panel, padding 0, with some units left out. */
function activatePanel(
  b: NetworkBatch,
  layer: NetworkLayer,
  next: NetworkLayer,
  stream: i32,
  panel: i32,
  scratch: usize,
): void {
  const from = panelAt(layer.out, b, panel), to = panelAt(next.x, b, panel);
  const count = layer.units - panel * PANEL, relu = b.activation == RELU;
  const zero = f32x4.splat(0);
  for (let row = 0; row < b.rows; row++) {
    const at = to + row * ROW_BYTES, sums = from + row * ROW_BYTES;
    for (let i = 0; i < ROW_BYTES; i += 16) {
      const s = v128.load(sums + i);
      v128.store(at + i, relu ? f32x4.pmax(zero, s) : sigmoid4(s));
    }
    for (let i = max(count, 0); i < PANEL; i++) store<f32>(at + (i << 2), 0);
    if (b.hiddenKeep < 1) drop(b, at, row, panel, b.stream + stream, b.hiddenKeep, scratch);
  }
  transposePanel(rowOf(next.xByInput, b, panel), to, b.maxRows, b.rows);
}

// @ts-ignore: decorator
@inline
function score(b: NetworkBatch, layer: NetworkLayer, row: i32, unit: i32): usize {
  return panelAt(layer.out, b, unit / PANEL) + row * ROW_BYTES + ((unit % PANEL) << 2);
}

/** Cross-entropy of a row in nats; its scores become the gradient (softmax − target) / B. */
function softmaxRow(b: NetworkBatch, layer: NetworkLayer, row: i32): void {
  const target = load<i32>(b.targets + (row << 2));
  let largest: f32 = -Infinity, best = 0, total: f32 = 0, others: f32 = 0;
  for (let y = 0; y < b.outputSize; y++) {
    const s = load<f32>(score(b, layer, row, y));
    if (s > largest) largest = s, best = y;
  }
  const own = load<f32>(score(b, layer, row, target));
  for (let y = 0; y < b.outputSize; y++) {
    const at = score(b, layer, row, y);
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
    store<f32>(at, e);
    total += e;
    if (y != target) others += e;
  }
  const scale: f32 = 1 / (<f32> b.rows);
  for (let y = 0; y < b.outputSize; y++) {
    const at = score(b, layer, row, y);
    const share = y == target ? -others : load<f32>(at); // p − 1 would round to 0 from 17 nats on
    store<f32>(at, share / total * scale);
  }
  for (let y = b.outputSize; y < layer.outputs; y++) store<f32>(score(b, layer, row, y), 0);
  // The caller adds log(total), for which there is no kernel.
  store<f32>(b.losses + (row << 3), largest - own);
  store<f32>(b.losses + (row << 3), total, 4);
  store<i32>(b.hits + (row << 2), best == target ? 1 : 0);
}

/** to[panel] ← out·wᵀ: the gradient by a layer's inputs. */
function backPanel(b: NetworkBatch, layer: NetworkLayer, to: usize, panel: i32, scratch: usize): void {
  for (let o = 0; o < layer.outputs / PANEL; o++) {
    const from = layer.weights + (o * layer.inputs + panel * PANEL) * ROW_BYTES;
    transpose32x32(scratch + o * BLOCK_BYTES, from);
  }
  memory.fill(to, 0, b.rows * ROW_BYTES);
  addProduct(to, layer.outByOutput, b.maxRows, scratch, layer.outputs, b.rows);
}

/** The gradient by the scores below: that by the layer's inputs, times the slope of the activation. */
function backwardPanel(b: NetworkBatch, layer: NetworkLayer, below: NetworkLayer, panel: i32, scratch: usize): void {
  const out = panelAt(below.out, b, panel), x = panelAt(layer.x, b, panel);
  backPanel(b, layer, out, panel, scratch);
  // With x = a / keep where a unit stays and 0 where not: σ′·x/a = x(1 − x·keep); ReLU′·x/a = 1 / keep.
  const relu = b.activation == RELU, zero = f32x4.splat(0), one = f32x4.splat(1);
  const keep = f32x4.splat(b.hiddenKeep), scale = f32x4.splat(1 / b.hiddenKeep);
  for (let at = 0; at < b.rows * ROW_BYTES; at += 16) {
    const value = v128.load(x + at);
    const slope = relu
      ? v128.and(f32x4.gt(value, zero), scale)
      : f32x4.mul(value, f32x4.sub(one, f32x4.mul(value, keep)));
    v128.store(out + at, f32x4.mul(v128.load(out + at), slope));
  }
  if (b.normalized) unnormalizePanel(b, below, panel, scratch);
  transposePanel(rowOf(below.outByOutput, b, panel), out, b.maxRows, b.rows);
}

/** The gradient xᵀ·out of 32 × 32 weights, and their update. */
function updateBlock(b: NetworkBatch, layer: NetworkLayer, panel: i32, rowPanel: i32, scratch: usize): void {
  const x = panelAt(layer.x, b, rowPanel), out = panelAt(layer.out, b, panel);
  memory.fill(scratch, 0, BLOCK_BYTES);
  for (let i = 0; i < PANEL; i += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = scratch + i * ROW_BYTES + part;
      addProduct4x8(to, x + (i << 2), ROW_BYTES, out + part, b.rows);
    }
  }
  const at = (panel * layer.inputs + rowPanel * PANEL) * ROW_BYTES;
  const decays = b.l1 != 0 || b.l2 != 0;
  if (decays && b.mode == TRAIN) addDecay(b, scratch, layer.weights + at, BLOCK_BYTES);
  update(b, layer.weights + at, layer.first + at, layer.second + at, scratch, BLOCK_BYTES);
}

function updateBias(b: NetworkBatch, layer: NetworkLayer, panel: i32, scratch: usize): void {
  const out = panelAt(layer.out, b, panel);
  for (let part = 0; part < ROW_BYTES; part += 16) {
    let sum = f32x4.splat(0);
    for (let row = 0; row < b.rows; row++) {
      sum = f32x4.add(sum, v128.load(out + row * ROW_BYTES + part));
    }
    v128.store(scratch + part, sum);
  }
  const at = panel * ROW_BYTES;
  update(b, layer.bias + at, layer.biasFirst + at, layer.biasSecond + at, scratch, ROW_BYTES);
}
