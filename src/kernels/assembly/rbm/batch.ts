/**
 * A batch of an RBM's visible vectors in memory, and the half-steps of Gibbs sampling on it.
 *
 * A sparse visible vector is a list of the rows of weights that count, with values where it is grey;
 * what is 0 costs nothing. A dense one, of probabilities, goes through a product. Workers take panels of
 * columns as they come free and write samples as bits; the bits become lists a row, and every sum runs
 * over its list in order, so neither the number of workers nor who did what changes a bit.
 * @module
 */
import { prefetch } from "../simd/prefetch";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { exp4, sigmoid4, sumLanes } from "../simd/math";
import { addProduct, transposePanel } from "../simd/products";
import { fillUniform } from "../simd/random";
import { Barrier, waitForAll, shareStart, claimShare } from "../simd/barrier";

// B rows of a batch, M rows of the model's half, R the larger, P pixels, L labels, V = P + L, H hidden.
// A panel is 32 columns: weights (H/32, V, 32), transposed (V/32, H, 32), activities (units/32, R, 32),
// all padded to 32 in both directions.

/** From so many rows of a batch on most rows of weights in a panel are used by one or another. */
const PREFETCHED_ROWS: i32 = 16;
export const ZEROS: usize = memory.data(128, 16);
/** Fields of a batch, in the order of the caller's Int32Array: see ../training.ts. */
// @ts-ignore: decorator
@unmanaged
export class RbmBatch {
  barrier: Barrier;
  rows: i32; // B
  modelRows: i32; // M; B unless chains persist
  maxRows: i32; // R
  pixels: i32; // P
  labels: i32; // L
  hidden: i32; // H
  k: i32; // Gibbs steps of the model's half
  persistent: i32; // whether the chains go on from batch to batch
  sampleInputs: i32; // 0: inputs are grey values, 1: probabilities to sample, 2: binary
  denseInputs: i32; // whether inputs are taken as panels, instead of as lists
  sampleVisible: i32; // whether the last reconstruction is sampled; it is dense if not
  seedLow: i32;
  seedHigh: i32;
  step: i32;
  layer: i32; // of the first stream of random numbers
  inputLayer: i32;
  learningRate: f32;
  momentum: f32;
  weightCost: f32;
  inputs: usize; // (B, P padded) f32
  targets: usize; // (B) i32: labels
  weights: usize;
  velocity: usize; // as weights
  transposed: usize;
  visibleBias: usize; // (V padded) f32
  visibleVelocity: usize;
  hiddenBias: usize; // (H padded) f32
  hiddenVelocity: usize;
  hiddenMask: usize; // (H padded) f32: 1, or 0 in the padding
  data: usize; // activities of hidden units
  model: usize; // activities of hidden units
  visible: usize; // activities of visible units
  visibleByUnit: usize; // (V padded, R) f32: the same, of a dense reconstruction
  dense: usize; // activities of dense inputs, labels among them
  denseByUnit: usize; // (V padded, R) f32: the same
  errors: usize; // (V/32 + 1, R) f32: squared errors of the last reconstruction
  dataLists: usize; // R lists a worker
  dataLabels: usize; // R lists
  modelLists: usize; // R lists: the pixels that are on; see flipped()
  removedLists: usize; // R lists
  modelLabels: usize; // R lists
  hiddenLists: usize; // R lists
  dataBits: usize; // (V/32, R) u32 of sampled inputs
  modelBits: usize; // (V/32, R) u32 of sampled reconstructions
  hiddenBits: usize; // (H/32, R) u32
  rowLists: usize; // V padded lists of what a unit's weights learn from, as offsets into `signed`
  signed: usize; // a worker: (3, R, 32) f32
  monitor: i32; // whether a batch of persistent chains measures a reconstruction too
  scratch: usize; // a worker: the uniforms of a layer (or what prefetch leaves), a block of 32 × 32, three rows of 32
  gaussian: i32; // whether pixels are Gaussian of variance 1, instead of binary
  hiddenKeep: f32; // share of hidden units that dropout keeps; 1 is all
  l1: f32;
  sparsityCost: f32;
  sparsityTarget: f32;
  sparsityMeans: usize; // (H padded) f32: running means of hidden units
  centring: f32; // how fast the offsets follow the means; 0 for no centring
  visibleOffsets: usize; // (V padded) f32
  hiddenOffsets: usize; // (H padded) f32
  visibleMeans: usize; // (V padded) f32: of the batch
  visibleSums: usize; // (V padded) f32: over the data − over the model
  partials: usize; // (H/32, V padded) f32: Σ over a panel of gradient · offset
  chainWeights: usize; // the weights of persistent chains; `weights` unless they have fast ones
  fastWeights: usize; // as weights; 0 for none
  fastDecay: f32;
  fastRate: f32;
  learningRows: i32; // rows of the model's half that are learnt from: those at temperature 1
  betas: usize; // (M) f32: inverse temperatures of the model's rows; 0 where all are 1
  partnerBetas: usize; // (M) f32: of the row to swap temperatures with, or its own
  partners: usize; // (M) i32: that row, or −1
  baseBias: usize; // (V padded) f32: visible biases at inverse temperature 0
  schedule: usize; // (k + 1) f32: inverse temperatures to anneal through
  gains: usize; // (workers, R) f64: log p(v) at a temperature − at another, without log Z
  outputs: usize; // (B, H padded) f32: predictions or targets of a directed layer
  sampleOutputs: i32; // whether predictions are sampled
  labelErrors: usize; // (B, L) f32: [y is the label] − p(y|x)
  labelPartials: usize; // (H/32, R, L) f32: Σ softplus over a panel
  bytes: usize; // (B, P padded) u8: where `inputs` come from, divided by `divisor`; 0 if they are there
  divisor: f32;
  path: usize; // two RBMs to anneal between, each as weights, visible and hidden biases; 0 for none
}

// A unit's list of rows points into three areas of activities: of data, of the model (negative), and
// their sum, where a row has the unit on in both.
export const DATA_AREA: i32 = 0;
export const MODEL_AREA: i32 = 1;
export const BOTH_AREA: i32 = 2;

// A list is 64 bytes of head, the first word its end, then pairs of an offset and a value; or offsets
// alone where all values are 1: of hidden units, of the model's pixels, and of what binary inputs give.

export const HEAD_BYTES: i32 = 64;
/** Stream of the random numbers that leave hidden units out. */
const DROPOUT_STREAM: i32 = 4093;

// @ts-ignore: decorator
@inline
export function padded(n: i32): i32 {
  return (n + PANEL - 1) & -PANEL;
}

/** Bytes of a list of at most `count` pairs. */
// @ts-ignore: decorator
@inline
export function listBytes(count: i32): i32 {
  return (HEAD_BYTES + (count << 3) + 127) & -128;
}

// @ts-ignore: decorator
@inline
export function visibleUnits(r: RbmBatch): i32 {
  return padded(r.pixels + r.labels);
}

// @ts-ignore: decorator
@inline
export function firstColumn(units: i32, worker: i32, workers: i32): i32 {
  return shareStart(units / PANEL, worker, workers) * PANEL;
}

/** Adds an offset and its value to a list, or the offset alone. */
// @ts-ignore: decorator
@inline
export function push(list: usize, offset: i32, value: f32, binary: bool): void {
  const end = <usize> load<u32>(list);
  store<u32>(end, offset);
  if (!binary) store<f32>(end, value, 4);
  store<u32>(list, <u32> end + entryBytes(binary));
}

// @ts-ignore: decorator
@inline
export function entryBytes(binary: bool): i32 {
  return binary ? 4 : 8;
}

/** Whether `rowLists` hold no values; directed layers, with k = 0, have inputs alone in them. */
// @ts-ignore: decorator
@inline
export function binaryRows(r: RbmBatch): bool {
  return (r.sampleInputs | r.denseInputs) != 0 && (r.sampleVisible | i32(r.k == 0)) != 0;
}

// @ts-ignore: decorator
@inline
export function rowList(r: RbmBatch, unit: i32): usize {
  return r.rowLists + unit * listBytes(2 * r.maxRows);
}

// @ts-ignore: decorator
@inline
export function inArea(r: RbmBatch, area: i32, row: i32): i32 {
  return (area * r.maxRows + row) * ROW_BYTES;
}

/** Adds a batch row to the lists of a word's units. */
// @ts-ignore: decorator
@inline
function pushAll(r: RbmBatch, unit: i32, word: u32, offset: i32, binary: bool): void {
  while (word) {
    push(rowList(r, unit + ctz(word)), offset, 1, binary);
    word &= word - 1;
  }
}

// @ts-ignore: decorator
@inline
export function clear(list: usize): void {
  store<u32>(list, <u32> (list + HEAD_BYTES));
}

/** Whether rows are told apart into those with only the input on, only the model, and both. */
// @ts-ignore: decorator
@inline
export function paired(r: RbmBatch): bool {
  return r.sampleInputs != 0 && !r.denseInputs && r.sampleVisible != 0 && !r.persistent;
}

/**
 * Whether the model's half of CD goes on from the hidden units' sums of the data, by the rows of the units
 * that flipped: `modelLists` are then of those that came on, `removedLists` of those that went off.
 */
// @ts-ignore: decorator
@inline
export function flipped(r: RbmBatch): bool {
  return paired(r) && r.k == 1;
}

/** Whether chains end in probabilities, not in samples. */
// @ts-ignore: decorator
@inline
export function denseModel(r: RbmBatch): bool {
  return r.sampleVisible == 0 && !r.persistent;
}

// @ts-ignore: decorator
@inline
export function labelListBytes(r: RbmBatch): i32 {
  return listBytes(r.labels);
}

/** The lists of labels that go with lists of pixels. */
// @ts-ignore: decorator
@inline
export function labelLists(r: RbmBatch, lists: usize): usize {
  return lists == r.dataLists ? r.dataLabels : r.modelLabels;
}

/** Where a panel's bits of a row are. */
// @ts-ignore: decorator
@inline
export function bitsOf(r: RbmBatch, bits: usize, column: i32, row: i32): usize {
  return bits + ((column / PANEL * r.maxRows + row) << 2);
}

// @ts-ignore: decorator
@inline
export function scratchBytes(r: RbmBatch): i32 {
  return (max(padded(r.hidden), visibleUnits(r)) << 2) + (PANEL + 3) * ROW_BYTES;
}

/** The inverse temperature of a row: its own, where rows have their own. */
// @ts-ignore: decorator
@inline
export function betaOf(r: RbmBatch, row: i32, beta: f32): f32 {
  return r.betas ? load<f32>(r.betas + (row << 2)) : beta;
}

/** Whether a row of the model is learnt from. */
// @ts-ignore: decorator
@inline
export function isLearning(r: RbmBatch, row: i32): bool {
  return r.betas == 0 || load<f32>(r.betas + (row << 2)) == 1;
}

/**
 * p(h=1|v) for `rows` visible vectors, in the panels that this worker takes; sampled where `sampled`
 * names the stream of random numbers. `last` is of what ends a batch's chains.
 */
export function hiddenUnits(
  r: RbmBatch,
  worker: i32,
  out: usize,
  lists: usize,
  rows: i32,
  last: bool,
  sampled: i32,
): void {
  const panels = padded(r.hidden) / PANEL;
  for (let p = claimShare(r.barrier, worker, -1); p < panels; p = claimShare(r.barrier, worker, p)) {
    hiddenPanel(r, worker, p * PANEL, out, lists, rows, last, sampled);
  }
}

/** The same of a panel. */
export function hiddenPanel(
  r: RbmBatch,
  worker: i32,
  column: i32,
  out: usize,
  lists: usize,
  rows: i32,
  last: bool,
  sampled: i32,
): void {
  const ofData = lists == r.dataLists;
  const sums = ofData && flipped(r) ? r.model : out; // the model's half goes on from the data's sums
  if (!ofData && last && flipped(r)) addFlips(r, worker, column);
  else sumHidden(r, worker, column, sums, lists, rows, last);
  activatePanel(r, worker, column, sums, out, rows, ofData, 1, sampled, r.step);
}

/** c + v·W of a worker's own columns. */
export function hiddenSums(
  r: RbmBatch,
  worker: i32,
  workers: i32,
  out: usize,
  lists: usize,
  rows: i32,
  last: bool,
): void {
  const pad = padded(r.hidden), to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    sumHidden(r, worker, column, out, lists, rows, last);
  }
}

/** c + v·W of a panel. */
function sumHidden(
  r: RbmBatch,
  worker: i32,
  column: i32,
  out: usize,
  lists: usize,
  rows: i32,
  last: bool,
): void {
  const bytes = listBytes(r.pixels), all = r.maxRows;
  const labels = labelLists(r, lists), labelBytes = labelListBytes(r);
  const ofData = lists == r.dataLists;
  const binary = ofData ? r.sampleInputs : 1, count = ofData ? r.barrier.workers : 1;
  const byUnit = ofData && r.denseInputs ? r.denseByUnit : r.visibleByUnit;
  const dense = ofData ? r.denseInputs : last && denseModel(r);
  const weights = ofData ? r.weights : r.chainWeights;
  const table = weights + column * (visibleUnits(r) << 2), bias = r.hiddenBias + (column << 2);
  const panel = out + (column * all << 2);
  if (dense) {
    for (let row = 0; row < rows; row++) memory.copy(panel + row * ROW_BYTES, bias, ROW_BYTES);
    addProduct(panel, byUnit, all, table, visibleUnits(r), rows);
    return;
  }
  prefetchPanel(r, worker, table, visibleUnits(r), rows);
  for (let row = 0; row < rows; row++) {
    const sums = panel + row * ROW_BYTES;
    const label = r.labels > 0 ? rowOfLabel(table, labels + row * labelBytes) : 0;
    const list = lists + row * bytes;
    sumRows(sums, bias, table, list, 0, all * bytes, count, binary, label, 0);
  }
}

/** Brings a panel of a table near, where its rows are going to be used by enough rows of the batch. */
// @ts-ignore: decorator
@inline
function prefetchPanel(r: RbmBatch, worker: i32, table: usize, tableRows: i32, rows: i32): void {
  if (rows < PREFETCHED_ROWS) return;
  prefetch(table, tableRows * ROW_BYTES, r.scratch + worker * scratchBytes(r));
}

/** A panel's sums of the data + the rows of units that the model has on in their place. */
function addFlips(r: RbmBatch, worker: i32, column: i32): void {
  const bytes = listBytes(r.pixels), all = r.maxRows, labelBytes = labelListBytes(r);
  const table = r.weights + column * (visibleUnits(r) << 2), panel = r.model + (column * all << 2);
  prefetchPanel(r, worker, table, visibleUnits(r), r.rows);
  for (let row = 0; row < r.rows; row++) {
    const sums = panel + row * ROW_BYTES, added = r.modelLists + row * bytes;
    const removed = r.removedLists + row * bytes;
    const on = r.labels > 0 ? rowOfLabel(table, r.modelLabels + row * labelBytes) : 0;
    const off = r.labels > 0 ? rowOfLabel(table, r.dataLabels + row * labelBytes) : 0;
    sumRows(sums, sums, table, added, removed, 0, 1, 1, on, off);
  }
}

/** The row of the label in a list, which has one or, where labels are left out, none. */
function rowOfLabel(table: usize, list: usize): usize {
  return load<u32>(list) == <u32> (list + HEAD_BYTES) ? 0 : table + load<u32>(list, HEAD_BYTES);
}

/** Sums of a worker's own columns ← σ(β·sums), sampled. */
export function activateHidden(
  r: RbmBatch,
  worker: i32,
  workers: i32,
  out: usize,
  rows: i32,
  beta: f32,
  sampled: i32,
  step: i32,
): void {
  const pad = padded(r.hidden), to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    activatePanel(r, worker, column, out, out, rows, false, beta, sampled, step);
  }
}

/**
 * A panel of `out` ← σ(β·sums), 0 in the padding and where dropout leaves a unit out; then a sample's
 * bits, unless `sampled` is −1.
 */
function activatePanel(
  r: RbmBatch,
  worker: i32,
  column: i32,
  sums: usize,
  out: usize,
  rows: i32,
  ofData: bool,
  beta: f32,
  sampled: i32,
  step: i32,
): void {
  const uniforms = r.scratch + worker * scratchBytes(r), keep = f32x4.splat(r.hiddenKeep);
  const drops = r.hiddenKeep < 1, mask = r.hiddenMask + (column << 2), all = r.maxRows;
  for (let row = 0; row < rows; row++) {
    const at = (column * all << 2) + row * ROW_BYTES, from = sums + at, to = out + at;
    const scale = f32x4.splat(ofData ? 1 : betaOf(r, row, beta));
    if (drops) fillUniform32(r, uniforms, column, r.layer + DROPOUT_STREAM, r.step, row);
    for (let part = 0; part < ROW_BYTES; part += 16) {
      const x = f32x4.mul(scale, v128.load(from + part));
      let p = f32x4.mul(sigmoid4(x), v128.load(mask + part));
      if (drops) p = v128.and(p, f32x4.lt(v128.load(uniforms + part), keep));
      v128.store(to + part, p);
    }
    if (sampled < 0) continue;
    fillUniform32(r, uniforms, column, sampled, step, row);
    store<u32>(bitsOf(r, r.hiddenBits, column, row), below32(uniforms, to));
  }
}

/** Makes lists of the bits of hidden units, once all workers have written theirs. */
export function toLists(r: RbmBatch, worker: i32, workers: i32, rows: i32): void {
  waitForAll(r.barrier, worker);
  listHidden(r, worker, workers, rows);
  waitForAll(r.barrier, worker);
}

/** Lists the hidden units that are on, for a worker's share of the rows. */
function listHidden(r: RbmBatch, worker: i32, workers: i32, rows: i32): void {
  const bytes = listBytes(r.hidden), units = padded(r.hidden);
  const to = shareStart(rows, worker + 1, workers);
  for (let row = shareStart(rows, worker, workers); row < to; row++) {
    const list = r.hiddenLists + row * bytes;
    let end = list + HEAD_BYTES;
    for (let unit = 0; unit < units; unit += PANEL) {
      end = append(end, unit, load<u32>(bitsOf(r, r.hiddenBits, unit, row)));
    }
    store<u32>(list, <u32> end);
  }
}

/** Lists the pixels that the model has on, or those that flipped, for a worker's share of the rows. */
export function listVisible(r: RbmBatch, worker: i32, workers: i32, rows: i32, flips: bool): void {
  const bytes = listBytes(r.pixels), units = padded(r.pixels);
  const to = shareStart(rows, worker + 1, workers);
  for (let row = shareStart(rows, worker, workers); row < to; row++) {
    const list = r.modelLists + row * bytes, removed = r.removedLists + row * bytes;
    let end = list + HEAD_BYTES, removedEnd = removed + HEAD_BYTES;
    for (let unit = 0; unit < units; unit += PANEL) {
      const word = load<u32>(bitsOf(r, r.modelBits, unit, row));
      const input = flips ? load<u32>(bitsOf(r, r.dataBits, unit, row)) : 0;
      end = append(end, unit, word & ~input);
      if (flips) removedEnd = append(removedEnd, unit, input & ~word);
    }
    store<u32>(list, <u32> end);
    store<u32>(removed, <u32> removedEnd);
  }
}

/** The uniforms of a panel of units. */
// @ts-ignore: decorator
@inline
function fillUniform32(r: RbmBatch, out: usize, unit: i32, layer: i32, step: i32, row: i32): void {
  fillUniform(out, unit, unit + PANEL, layer, step, row, r.seedLow, r.seedHigh);
}

/** Writes the rows of a word's units at `end` of a list without values; returns the new end. */
// @ts-ignore: decorator
@inline
function append(end: usize, unit: i32, word: u32): usize {
  while (word) {
    store<u32>(end, (unit + ctz(word)) * ROW_BYTES);
    end += 4;
    word &= word - 1;
  }
  return end;
}

/** 32 sums ← start + the listed rows of a table, each times its value. */
export function sumPanel(
  sums: usize,
  start: usize,
  table: usize,
  list: usize,
  stride: i32,
  lists: i32,
  binary: i32,
): void {
  sumRows(sums, start, table, list, 0, stride, lists, binary, 0, 0);
}

// @ts-ignore: decorator
@inline
function plus4(a: v128, w0: usize, w1: usize, w2: usize, w3: usize, at: usize): v128 {
  const two = f32x4.add(f32x4.add(a, v128.load(w0 + at)), v128.load(w1 + at));
  return f32x4.add(f32x4.add(two, v128.load(w2 + at)), v128.load(w3 + at));
}

// @ts-ignore: decorator
@inline
function minus4(a: v128, w0: usize, w1: usize, w2: usize, w3: usize, at: usize): v128 {
  const two = f32x4.sub(f32x4.sub(a, v128.load(w0 + at)), v128.load(w1 + at));
  return f32x4.sub(f32x4.sub(two, v128.load(w2 + at)), v128.load(w3 + at));
}

/**
 * 32 sums ← start + the rows of `added`, each times its value unless all are 1, − those of `removed` + row
 * `on` − row `off`; the last three may be 0. There are `lists` of the first two, `stride` bytes apart.
 * Four rows at a time, because V8 checks the bounds of every load and four share what that takes.
 */
function sumRows(
  sums: usize,
  start: usize,
  table: usize,
  added: usize,
  removed: usize,
  stride: i32,
  lists: i32,
  binary: i32,
  on: usize,
  off: usize,
): void {
  let a0 = v128.load(start), a1 = v128.load(start, 16), a2 = v128.load(start, 32);
  let a3 = v128.load(start, 48), a4 = v128.load(start, 64), a5 = v128.load(start, 80);
  let a6 = v128.load(start, 96), a7 = v128.load(start, 112);
  for (let i = 0; i < lists; i++, added += stride) {
    const end = <usize> load<u32>(added);
    let at = added + HEAD_BYTES;
    if (binary) {
      for (; at + 12 < end; at += 16) {
        const p = load<u64>(at), q = load<u64>(at, 8);
        const w0 = table + <usize> (<u32> p), w1 = table + <usize> (p >> 32);
        const w2 = table + <usize> (<u32> q), w3 = table + <usize> (q >> 32);
        a0 = plus4(a0, w0, w1, w2, w3, 0);
        a1 = plus4(a1, w0, w1, w2, w3, 16);
        a2 = plus4(a2, w0, w1, w2, w3, 32);
        a3 = plus4(a3, w0, w1, w2, w3, 48);
        a4 = plus4(a4, w0, w1, w2, w3, 64);
        a5 = plus4(a5, w0, w1, w2, w3, 80);
        a6 = plus4(a6, w0, w1, w2, w3, 96);
        a7 = plus4(a7, w0, w1, w2, w3, 112);
      }
      for (; at < end; at += 4) {
        const w = table + load<u32>(at);
        a0 = f32x4.add(a0, v128.load(w));
        a1 = f32x4.add(a1, v128.load(w, 16));
        a2 = f32x4.add(a2, v128.load(w, 32));
        a3 = f32x4.add(a3, v128.load(w, 48));
        a4 = f32x4.add(a4, v128.load(w, 64));
        a5 = f32x4.add(a5, v128.load(w, 80));
        a6 = f32x4.add(a6, v128.load(w, 96));
        a7 = f32x4.add(a7, v128.load(w, 112));
      }
    } else {
      for (; at < end; at += 8) {
        const w = table + load<u32>(at), x = v128.load32_splat(at, 4);
        a0 = f32x4.add(a0, f32x4.mul(x, v128.load(w)));
        a1 = f32x4.add(a1, f32x4.mul(x, v128.load(w, 16)));
        a2 = f32x4.add(a2, f32x4.mul(x, v128.load(w, 32)));
        a3 = f32x4.add(a3, f32x4.mul(x, v128.load(w, 48)));
        a4 = f32x4.add(a4, f32x4.mul(x, v128.load(w, 64)));
        a5 = f32x4.add(a5, f32x4.mul(x, v128.load(w, 80)));
        a6 = f32x4.add(a6, f32x4.mul(x, v128.load(w, 96)));
        a7 = f32x4.add(a7, f32x4.mul(x, v128.load(w, 112)));
      }
    }
  }
  if (removed) {
    for (let i = 0; i < lists; i++, removed += stride) {
      const end = <usize> load<u32>(removed);
      let at = removed + HEAD_BYTES;
      for (; at + 12 < end; at += 16) {
        const p = load<u64>(at), q = load<u64>(at, 8);
        const w0 = table + <usize> (<u32> p), w1 = table + <usize> (p >> 32);
        const w2 = table + <usize> (<u32> q), w3 = table + <usize> (q >> 32);
        a0 = minus4(a0, w0, w1, w2, w3, 0);
        a1 = minus4(a1, w0, w1, w2, w3, 16);
        a2 = minus4(a2, w0, w1, w2, w3, 32);
        a3 = minus4(a3, w0, w1, w2, w3, 48);
        a4 = minus4(a4, w0, w1, w2, w3, 64);
        a5 = minus4(a5, w0, w1, w2, w3, 80);
        a6 = minus4(a6, w0, w1, w2, w3, 96);
        a7 = minus4(a7, w0, w1, w2, w3, 112);
      }
      for (; at < end; at += 4) {
        const w = table + load<u32>(at);
        a0 = f32x4.sub(a0, v128.load(w));
        a1 = f32x4.sub(a1, v128.load(w, 16));
        a2 = f32x4.sub(a2, v128.load(w, 32));
        a3 = f32x4.sub(a3, v128.load(w, 48));
        a4 = f32x4.sub(a4, v128.load(w, 64));
        a5 = f32x4.sub(a5, v128.load(w, 80));
        a6 = f32x4.sub(a6, v128.load(w, 96));
        a7 = f32x4.sub(a7, v128.load(w, 112));
      }
    }
  }
  if (on) {
    a0 = f32x4.add(a0, v128.load(on));
    a1 = f32x4.add(a1, v128.load(on, 16));
    a2 = f32x4.add(a2, v128.load(on, 32));
    a3 = f32x4.add(a3, v128.load(on, 48));
    a4 = f32x4.add(a4, v128.load(on, 64));
    a5 = f32x4.add(a5, v128.load(on, 80));
    a6 = f32x4.add(a6, v128.load(on, 96));
    a7 = f32x4.add(a7, v128.load(on, 112));
  }
  if (off) {
    a0 = f32x4.sub(a0, v128.load(off));
    a1 = f32x4.sub(a1, v128.load(off, 16));
    a2 = f32x4.sub(a2, v128.load(off, 32));
    a3 = f32x4.sub(a3, v128.load(off, 48));
    a4 = f32x4.sub(a4, v128.load(off, 64));
    a5 = f32x4.sub(a5, v128.load(off, 80));
    a6 = f32x4.sub(a6, v128.load(off, 96));
    a7 = f32x4.sub(a7, v128.load(off, 112));
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

/** Bits of the 32 units whose uniform is below their probability; padding has probability 0. */
// @ts-ignore: decorator
@inline
export function below32(u: usize, p: usize): u32 {
  return <u32> (below16(u, p) | below16(u + 64, p + 64) << 16);
}

// @ts-ignore: decorator
@inline
function below16(u: usize, p: usize): i32 {
  const m0 = f32x4.lt(v128.load(u), v128.load(p)), m1 = f32x4.lt(v128.load(u, 16), v128.load(p, 16));
  const m2 = f32x4.lt(v128.load(u, 32), v128.load(p, 32));
  const m3 = f32x4.lt(v128.load(u, 48), v128.load(p, 48));
  return i8x16.bitmask(
    i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3)),
  );
}

/**
 * p(v=1|h) in the panels that this worker takes, then the bits of a sample of them, or all of them by unit
 * where what ends a batch's chains is not sampled. `measure` writes the squared errors; with `last` the
 * batch rows are listed by unit as well. A reconstruction that is only measured is not `sampled`.
 */
export function visibleSample(
  r: RbmBatch,
  worker: i32,
  rows: i32,
  layer: i32,
  step: i32,
  measure: bool,
  last: bool,
  beta: f32,
  sampled: bool,
): void {
  const panels = visibleUnits(r) / PANEL;
  for (let p = claimShare(r.barrier, worker, -1); p < panels; p = claimShare(r.barrier, worker, p)) {
    visiblePanel(r, worker, p * PANEL, rows, layer, step, measure, last, beta, sampled);
  }
}

function visiblePanel(
  r: RbmBatch,
  worker: i32,
  column: i32,
  rows: i32,
  layer: i32,
  step: i32,
  measure: bool,
  last: bool,
  beta: f32,
  sampled: bool,
): void {
  const pad = padded(r.pixels), all = r.maxRows, hiddenBytes = listBytes(r.hidden);
  const sample = sampled && (!last || r.sampleVisible);
  const uniforms = r.scratch + worker * scratchBytes(r), pair = paired(r), binary = binaryRows(r);
  const table = r.transposed + column * (padded(r.hidden) << 2);
  const bias = r.visibleBias + (column << 2), panel = r.visible + (column * all << 2);
  prefetchPanel(r, worker, table, padded(r.hidden), rows);
  for (let row = 0; row < rows; row++) {
    const sums = panel + row * ROW_BYTES;
    sumPanel(sums, bias, table, r.hiddenLists + row * hiddenBytes, 0, 1, 1);
    const b: f32 = sampled ? betaOf(r, row, beta) : 1;
    if (b != 1) temper(sums, r.baseBias + (column << 2), b);
  }
  // A panel that pixels share with labels keeps the labels' logits.
  const count = min(r.pixels - column, PANEL);
  for (let row = 0; row < rows && count > 0; row++) {
    const p = panel + row * ROW_BYTES;
    const error = activate(p, r.inputs + ((row * pad + column) << 2), count, r.gaussian != 0);
    if (measure) store<f32>(r.errors + ((column / PANEL * all + row) << 2), error);
    if (!sample) continue;
    fillUniform32(r, uniforms, column, layer + 1, step, row);
    let word = below32(uniforms, p);
    if (count < PANEL) word &= (1 << count) - 1;
    store<u32>(bitsOf(r, r.modelBits, column, row), word);
    if (!last || !isLearning(r, row)) continue;
    const input = pair ? load<u32>(bitsOf(r, r.dataBits, column, row)) : 0;
    pushAll(r, column, word & input, inArea(r, BOTH_AREA, row), binary);
    pushAll(r, column, input & ~word, inArea(r, DATA_AREA, row), binary);
    pushAll(r, column, word & ~input, inArea(r, MODEL_AREA, row), binary);
  }
  if (last && !sample) transposePanel(r.visibleByUnit + (column * all << 2), panel, all, rows);
}

/** 32 visible sums ← β·sum + (1 − β)·base. */
function temper(sums: usize, base: usize, beta: f32): void {
  const own = f32x4.splat(beta), rest = f32x4.splat(1 - beta);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const x = f32x4.mul(own, v128.load(sums + at));
    v128.store(sums + at, f32x4.add(x, f32x4.mul(rest, v128.load(base + at))));
  }
}

/**
 * x ← σ(x), or as it is for Gaussian units, for the `count` first of 32; returns Σ (input − x)² over
 * them.
 */
function activate(x: usize, input: usize, count: i32, gaussian: bool): f32 {
  let squares = f32x4.splat(0);
  let at = 0;
  for (; at + 16 <= count << 2; at += 16) {
    const own = v128.load(x + at), p = gaussian ? own : sigmoid4(own);
    const d = f32x4.sub(p, v128.load(input + at));
    v128.store(x + at, p);
    squares = f32x4.add(squares, f32x4.mul(d, d));
  }
  let sum = sumLanes(squares);
  for (; at < count << 2; at += 4) {
    const own = load<f32>(x + at);
    const p = gaussian ? own : f32x4.extract_lane(sigmoid4(f32x4.splat(own)), 0);
    const d = p - load<f32>(input + at);
    store<f32>(x + at, p);
    sum += d * d;
  }
  return sum;
}

/** The softmax group of labels: one of them on, or all as values; worker 0 does it for all rows. */
export function sampleLabels(r: RbmBatch, layer: i32, step: i32, last: bool): void {
  const all = r.maxRows, rows = r.modelRows;
  const bytes = labelListBytes(r), uniforms = r.scratch;
  const sample = !last || r.sampleVisible;
  for (let row = 0; row < rows; row++) {
    const list = r.modelLabels + row * bytes;
    clear(list);
    softmax(r, row);
    let error: f32 = 0, running: f32 = 0;
    let chosen = r.labels - 1, found = false;
    if (sample) fillUniform(uniforms, 0, 16, layer, step, row, r.seedLow, r.seedHigh);
    for (let y = 0; y < r.labels; y++) {
      const p = load<f32>(labelActivity(r, row, y));
      const d = p - (!r.persistent && load<i32>(r.targets + (row << 2)) == y ? 1 : 0);
      error += d * d;
      running += p;
      if (!found && load<f32>(uniforms) < running) {
        chosen = y;
        found = true;
      }
      if (!sample) store<f32>(r.visibleByUnit + (((r.pixels + y) * all + row) << 2), p);
    }
    if (sample) {
      push(list, (r.pixels + chosen) * ROW_BYTES, 1, false);
      if (last && isLearning(r, row)) {
        push(rowList(r, r.pixels + chosen), inArea(r, MODEL_AREA, row), 1, binaryRows(r));
      }
    }
    if (last) store<f32>(r.errors + ((visibleUnits(r) / PANEL * all + row) << 2), error);
  }
}

// @ts-ignore: decorator
@inline
function labelActivity(r: RbmBatch, row: i32, y: i32): usize {
  const unit = r.pixels + y, column = unit & -PANEL;
  return r.visible + (column * r.maxRows << 2) + row * ROW_BYTES + ((unit - column) << 2);
}

function softmax(r: RbmBatch, row: i32): void {
  let largest: f32 = -Infinity, total: f32 = 0;
  for (let y = 0; y < r.labels; y++) largest = max(largest, load<f32>(labelActivity(r, row, y)));
  for (let y = 0; y < r.labels; y++) {
    const at = labelActivity(r, row, y);
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
    store<f32>(at, e);
    total += e;
  }
  for (let y = 0; y < r.labels; y++) {
    const at = labelActivity(r, row, y);
    store<f32>(at, load<f32>(at) / total);
  }
}
