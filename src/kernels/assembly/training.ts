/**
 * One mini-batch of contrastive divergence (CD-k) or its persistent form (PCD), on all workers.
 *
 * A sparse visible vector is a list of the rows of weights that count, with values where it is grey;
 * what is 0 costs nothing. A dense one, of probabilities, goes through a product. Each worker has its own columns of hidden and of visible units, and every sum runs
 * over its list in order, so the number of workers changes no bit.
 * @module
 */
import { PANEL } from "./dense";
import { exp4, sigmoid4 } from "./math";
import { addProduct, addProduct4x8, BLOCK_BYTES, turn32x32, turnPanel } from "./products";
import { fillUniform } from "./random";
import { Barrier, meet, shareStart } from "./team";

// B rows of a batch, M rows of the model's half, R the larger, P pixels, L labels, V = P + L, H hidden.
// A panel is 32 columns: weights (H/32, V, 32), transposed (V/32, H, 32), activities (units/32, R, 32),
// all padded to 32 in both directions.

const ROW_BYTES: i32 = 128;
const ZEROS: usize = memory.data(128, 16);
/** Stream of the random numbers of a reconstruction that is only measured. */
const MONITOR_STREAM: i32 = 4094;

/** Fields of a batch, in the order of the caller's Int32Array: see ../training.ts. */
// @ts-ignore: decorator
@unmanaged
class Batch {
  barrier: Barrier;
  rows: i32; // B
  modelRows: i32; // M; B unless chains persist
  maxRows: i32; // R
  pixels: i32; // P
  labels: i32; // L
  hidden: i32; // H
  k: i32; // Gibbs steps of the model's half
  persistent: i32; // whether the chains go on from batch to batch
  sampleInputs: i32; // whether inputs are probabilities to sample, instead of grey values
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
  dataLists: usize; // R lists a worker, and R more of labels
  modelLists: usize; // the same
  hiddenLists: usize; // R lists a worker
  bits: usize; // (R, V padded) bits of sampled inputs
  rowLists: usize; // V padded lists of what a unit's weights learn from, as offsets into `signed`
  signed: usize; // a worker: (3, R, 32) f32
  monitor: usize; // lists for a reconstruction that is only measured; 0 for none
  scratch: usize; // a worker: the uniforms of a layer, a block of 32 × 32
}

// A unit's list of rows points into three areas of activities: of data, of the model (negative), and
// their sum, where a row has the unit on in both.
const DATA_AREA: i32 = 0;
const MODEL_AREA: i32 = 1;
const BOTH_AREA: i32 = 2;

// A list is 64 bytes of head, the first word its end, then pairs of an offset and a value.

const HEAD_BYTES: i32 = 64;

// @ts-ignore: decorator
@inline
function padded(n: i32): i32 {
  return (n + PANEL - 1) & -PANEL;
}

/** Bytes of a list of at most `count` pairs. */
// @ts-ignore: decorator
@inline
function listBytes(count: i32): i32 {
  return (HEAD_BYTES + (count << 3) + 127) & -128;
}

// @ts-ignore: decorator
@inline
function visibleUnits(r: Batch): i32 {
  return padded(r.pixels + r.labels);
}

// @ts-ignore: decorator
@inline
function firstColumn(units: i32, worker: i32, workers: i32): i32 {
  return shareStart(units / PANEL, worker, workers) * PANEL;
}

// @ts-ignore: decorator
@inline
function push(list: usize, offset: i32, value: f32): void {
  const end = <usize> load<u32>(list);
  store<u32>(end, offset);
  store<f32>(end, value, 4);
  store<u32>(list, <u32> (end + 8));
}

// @ts-ignore: decorator
@inline
function rowList(r: Batch, unit: i32): usize {
  return r.rowLists + unit * listBytes(2 * r.maxRows);
}

// @ts-ignore: decorator
@inline
function inArea(r: Batch, area: i32, row: i32): i32 {
  return (area * r.maxRows + row) * ROW_BYTES;
}

/** Adds a batch row to the lists of a word's units. */
// @ts-ignore: decorator
@inline
function pushAll(r: Batch, unit: i32, word: u32, offset: i32): void {
  while (word) {
    push(rowList(r, unit + ctz(word)), offset, 1);
    word &= word - 1;
  }
}

// @ts-ignore: decorator
@inline
function clear(list: usize): void {
  store<u32>(list, <u32> (list + HEAD_BYTES));
}

/** Whether rows are told apart into those with only the input on, only the model, and both. */
// @ts-ignore: decorator
@inline
function paired(r: Batch): bool {
  return r.sampleInputs != 0 && r.sampleVisible != 0 && !r.persistent;
}

/** Whether chains end in probabilities, not in samples. */
// @ts-ignore: decorator
@inline
function denseModel(r: Batch): bool {
  return r.sampleVisible == 0 && !r.persistent;
}

/** A worker's share of one batch: positive and negative statistics, then the update. */
export function trainBatch(r: Batch, worker: i32): void {
  const workers = r.barrier.workers, labelled = r.labels > 0;
  readInputs(r, worker, workers);
  if (worker == 0 && labelled && !r.denseInputs) readTargets(r);
  meet(r.barrier, worker);
  hiddenUnits(r, worker, workers, r.data, r.dataLists, r.rows, false);
  const persistent = r.persistent != 0;
  const firstLayer = r.layer + (persistent ? MONITOR_STREAM : 0);
  if (r.monitor || !persistent) sampleHidden(r, worker, workers, r.data, r.rows, firstLayer);
  if (r.monitor) {
    meet(r.barrier, worker);
    visibleSample(r, worker, workers, r.monitor, r.rows, r.layer, true, false);
    meet(r.barrier, worker);
  }
  for (let k = 0; k < r.k; k++) {
    const layer = r.layer + 3 * k + (persistent ? 1 : 0), last = k == r.k - 1;
    if (persistent || k > 0) {
      hiddenUnits(r, worker, workers, r.model, r.modelLists, r.modelRows, false);
      sampleHidden(r, worker, workers, r.model, r.modelRows, layer);
    }
    meet(r.barrier, worker);
    visibleSample(r, worker, workers, r.modelLists, r.modelRows, layer, !persistent && last, last);
    meet(r.barrier, worker);
    if (labelled) {
      if (worker == 0) sampleLabels(r, layer + 2, last);
      meet(r.barrier, worker);
    }
  }
  hiddenUnits(r, worker, workers, r.model, r.modelLists, r.modelRows, true);
  update(r, worker, workers);
  meet(r.barrier, worker);
}

/** Lists the inputs of a worker's columns, by batch row and by pixel. */
function readInputs(r: Batch, worker: i32, workers: i32): void {
  const visible = visibleUnits(r), pad = padded(r.pixels), bytes = listBytes(r.pixels);
  const from = firstColumn(visible, worker, workers);
  const all = firstColumn(visible, worker + 1, workers), to = min(all, pad);
  const uniforms = r.scratch + worker * scratchBytes(r);
  for (let i = from; i < all; i++) {
    const isLabel = i >= r.pixels && i < r.pixels + r.labels; // see readTargets
    if (r.denseInputs || !isLabel) clear(rowList(r, i));
  }
  if (r.denseInputs) return placeDense(r, from, all);
  const pair = paired(r);
  const zero = f32x4.splat(0);
  for (let row = 0; row < r.rows; row++) {
    const list = r.dataLists + (worker * r.maxRows + row) * bytes;
    let end = list + HEAD_BYTES;
    for (let unit = from; unit < to; unit += PANEL) {
      const input = r.inputs + ((row * pad + unit) << 2);
      let word: u32 = 0;
      for (let part = 0; part < PANEL; part += 4) {
        word |= i32x4.bitmask(f32x4.ne(v128.load(input + (part << 2)), zero)) << part;
      }
      if (r.sampleInputs && word) {
        fillUniform(uniforms, unit, unit + PANEL, r.inputLayer, r.step, row, r.seedLow, r.seedHigh);
        word = below32(uniforms, input);
      }
      if (r.pixels - unit < PANEL) word &= (1 << (r.pixels - unit)) - 1;
      store<u32>(r.bits + ((row * visible + unit) >> 3), word);
      while (word) {
        const lane = ctz(word);
        const value = r.sampleInputs ? <f32> 1 : load<f32>(input + (lane << 2));
        store<u32>(end, (unit + lane) * ROW_BYTES);
        store<f32>(end, value, 4);
        end += 8;
        if (!pair) push(rowList(r, unit + lane), inArea(r, DATA_AREA, row), value);
        word &= word - 1;
      }
    }
    store<u32>(list, <u32> end);
  }
}

/** Copies the inputs and labels of columns `from` … `to` into panels. */
function placeDense(r: Batch, from: i32, to: i32): void {
  const pad = padded(r.pixels), all = r.maxRows;
  for (let unit = from; unit < to; unit += PANEL) {
    const panel = r.dense + (unit * all << 2), pixels = max(min(PANEL, r.pixels - unit), 0);
    for (let row = 0; row < r.rows; row++) {
      const at = panel + row * ROW_BYTES;
      memory.fill(at, 0, ROW_BYTES);
      memory.copy(at, r.inputs + ((row * pad + unit) << 2), pixels << 2);
      if (r.labels == 0) continue;
      const label = r.pixels + load<i32>(r.targets + (row << 2)) - unit;
      if (label >= 0 && label < PANEL) store<f32>(at + (label << 2), 1);
    }
    turnPanel(r.denseByUnit + (unit * all << 2), panel, all, r.rows);
  }
}

/** Lists the label unit of each row; worker 0 does it for all. */
function readTargets(r: Batch): void {
  const bytes = labelListBytes(r);
  for (let y = 0; y < r.labels; y++) clear(rowList(r, r.pixels + y));
  for (let row = 0; row < r.rows; row++) {
    const list = labelLists(r, r.dataLists) + row * bytes;
    const unit = r.pixels + load<i32>(r.targets + (row << 2));
    clear(list);
    push(list, unit * ROW_BYTES, 1);
    push(rowList(r, unit), inArea(r, DATA_AREA, row), 1);
  }
}

// @ts-ignore: decorator
@inline
function labelListBytes(r: Batch): i32 {
  return listBytes(r.labels);
}

/** Where the lists of labels begin, after the workers' lists of pixels. */
// @ts-ignore: decorator
@inline
function labelLists(r: Batch, lists: usize): usize {
  return lists + r.barrier.workers * r.maxRows * listBytes(r.pixels);
}

// @ts-ignore: decorator
@inline
function scratchBytes(r: Batch): i32 {
  return (max(padded(r.hidden), visibleUnits(r)) << 2) + PANEL * ROW_BYTES;
}

/** p(h=1|v) of a worker's columns for `rows` visible vectors; `last` is of what ends a batch's chains. */
function hiddenUnits(
  r: Batch,
  worker: i32,
  workers: i32,
  out: usize,
  lists: usize,
  rows: i32,
  last: bool,
): void {
  const pad = padded(r.hidden), bytes = listBytes(r.pixels), all = r.maxRows;
  const to = firstColumn(pad, worker + 1, workers);
  const labels = labelLists(r, lists), labelBytes = labelListBytes(r);
  const binary = lists == r.dataLists ? r.sampleInputs : r.sampleVisible;
  const byUnit = lists == r.dataLists && r.denseInputs ? r.denseByUnit : r.visibleByUnit;
  const dense = lists == r.dataLists ? r.denseInputs : last && denseModel(r);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    const table = r.weights + column * (visibleUnits(r) << 2), bias = r.hiddenBias + (column << 2);
    const mask = r.hiddenMask + (column << 2), panel = out + (column * all << 2);
    if (dense) {
      for (let row = 0; row < rows; row++) memory.copy(panel + row * ROW_BYTES, bias, ROW_BYTES);
      addProduct(panel, byUnit, all, table, visibleUnits(r), rows);
    }
    for (let row = 0; row < rows; row++) {
      const sums = panel + row * ROW_BYTES;
      if (!dense) {
        sumPanel(sums, bias, table, lists + row * bytes, all * bytes, workers, binary);
        if (r.labels > 0) sumPanel(sums, sums, table, labels + row * labelBytes, 0, 1, 0);
      }
      for (let at = 0; at < ROW_BYTES; at += 16) {
        const p = sigmoid4(v128.load(sums + at));
        v128.store(sums + at, f32x4.mul(p, v128.load(mask + at)));
      }
    }
  }
}

/** 32 sums ← start + the listed rows of a table, each times its value. */
function sumPanel(
  sums: usize,
  start: usize,
  table: usize,
  list: usize,
  stride: i32,
  lists: i32,
  binary: i32,
): void {
  let a0 = v128.load(start), a1 = v128.load(start, 16), a2 = v128.load(start, 32);
  let a3 = v128.load(start, 48), a4 = v128.load(start, 64), a5 = v128.load(start, 80);
  let a6 = v128.load(start, 96), a7 = v128.load(start, 112);
  for (let i = 0; i < lists; i++, list += stride) {
    const end = <usize> load<u32>(list);
    let at = list + HEAD_BYTES;
    if (binary) {
      for (; at + 8 < end; at += 16) {
        const w = table + load<u32>(at), next = table + load<u32>(at, 8);
        a0 = f32x4.add(a0, v128.load(w));
        a1 = f32x4.add(a1, v128.load(w, 16));
        a2 = f32x4.add(a2, v128.load(w, 32));
        a3 = f32x4.add(a3, v128.load(w, 48));
        a4 = f32x4.add(a4, v128.load(w, 64));
        a5 = f32x4.add(a5, v128.load(w, 80));
        a6 = f32x4.add(a6, v128.load(w, 96));
        a7 = f32x4.add(a7, v128.load(w, 112));
        a0 = f32x4.add(a0, v128.load(next));
        a1 = f32x4.add(a1, v128.load(next, 16));
        a2 = f32x4.add(a2, v128.load(next, 32));
        a3 = f32x4.add(a3, v128.load(next, 48));
        a4 = f32x4.add(a4, v128.load(next, 64));
        a5 = f32x4.add(a5, v128.load(next, 80));
        a6 = f32x4.add(a6, v128.load(next, 96));
        a7 = f32x4.add(a7, v128.load(next, 112));
      }
      if (at < end) {
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
      for (; at + 8 < end; at += 16) {
        const w = table + load<u32>(at), x = v128.load32_splat(at, 4);
        a0 = f32x4.add(a0, f32x4.mul(x, v128.load(w)));
        a1 = f32x4.add(a1, f32x4.mul(x, v128.load(w, 16)));
        a2 = f32x4.add(a2, f32x4.mul(x, v128.load(w, 32)));
        a3 = f32x4.add(a3, f32x4.mul(x, v128.load(w, 48)));
        a4 = f32x4.add(a4, f32x4.mul(x, v128.load(w, 64)));
        a5 = f32x4.add(a5, f32x4.mul(x, v128.load(w, 80)));
        a6 = f32x4.add(a6, f32x4.mul(x, v128.load(w, 96)));
        a7 = f32x4.add(a7, f32x4.mul(x, v128.load(w, 112)));
        const next = table + load<u32>(at, 8), y = v128.load32_splat(at, 12);
        a0 = f32x4.add(a0, f32x4.mul(y, v128.load(next)));
        a1 = f32x4.add(a1, f32x4.mul(y, v128.load(next, 16)));
        a2 = f32x4.add(a2, f32x4.mul(y, v128.load(next, 32)));
        a3 = f32x4.add(a3, f32x4.mul(y, v128.load(next, 48)));
        a4 = f32x4.add(a4, f32x4.mul(y, v128.load(next, 64)));
        a5 = f32x4.add(a5, f32x4.mul(y, v128.load(next, 80)));
        a6 = f32x4.add(a6, f32x4.mul(y, v128.load(next, 96)));
        a7 = f32x4.add(a7, f32x4.mul(y, v128.load(next, 112)));
      }
      if (at < end) {
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
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums, a4, 64);
  v128.store(sums, a5, 80);
  v128.store(sums, a6, 96);
  v128.store(sums, a7, 112);
}

/** Lists the hidden units of a worker's columns that a sample of their probabilities has on. */
function sampleHidden(
  r: Batch,
  worker: i32,
  workers: i32,
  activities: usize,
  rows: i32,
  layer: i32,
): void {
  const pad = padded(r.hidden), all = r.maxRows, bytes = listBytes(r.hidden);
  const from = firstColumn(pad, worker, workers), to = firstColumn(pad, worker + 1, workers);
  const uniforms = r.scratch + worker * scratchBytes(r);
  for (let row = 0; row < rows; row++) {
    const list = r.hiddenLists + (worker * all + row) * bytes;
    let end = list + HEAD_BYTES;
    fillUniform(uniforms, from, to, layer, r.step, row, r.seedLow, r.seedHigh);
    for (let unit = from; unit < to; unit += PANEL) {
      const p = activities + (unit * all << 2) + row * ROW_BYTES;
      const u = uniforms + ((unit - from) << 2);
      let word = below32(u, p);
      while (word) {
        store<u32>(end, (unit + ctz(word)) * ROW_BYTES);
        end += 8;
        word &= word - 1;
      }
    }
    store<u32>(list, <u32> end);
  }
}

/** Bits of the 32 units whose uniform is below their probability; padding has probability 0. */
// @ts-ignore: decorator
@inline
function below32(u: usize, p: usize): u32 {
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
 * p(v=1|h) of a worker's columns, then lists of the visible units that are on, or all of them by unit
 * where they are not sampled. `measure` writes the squared errors; `last` lists the batch rows by unit as well.
 */
function visibleSample(
  r: Batch,
  worker: i32,
  workers: i32,
  lists: usize,
  rows: i32,
  layer: i32,
  measure: bool,
  last: bool,
): void {
  const visible = visibleUnits(r), pad = padded(r.pixels), all = r.maxRows;
  const hiddenBytes = listBytes(r.hidden);
  const from = firstColumn(visible, worker, workers);
  const until = firstColumn(visible, worker + 1, workers), to = min(until, pad);
  for (let column = from; column < until; column += PANEL) {
    const table = r.transposed + column * (padded(r.hidden) << 2);
    const bias = r.visibleBias + (column << 2);
    for (let row = 0; row < rows; row++) {
      const sums = r.visible + (column * all << 2) + row * ROW_BYTES;
      sumPanel(sums, bias, table, r.hiddenLists + row * hiddenBytes, all * hiddenBytes, workers, 1);
    }
  }
  const uniforms = r.scratch + worker * scratchBytes(r), sample = !last || r.sampleVisible;
  const pair = paired(r);
  const bytes = listBytes(r.pixels);
  for (let row = 0; row < rows; row++) {
    const list = lists + (worker * all + row) * bytes;
    let end = list + HEAD_BYTES;
    if (sample) fillUniform(uniforms, from, to, layer + 1, r.step, row, r.seedLow, r.seedHigh);
    for (let unit = from; unit < to; unit += PANEL) {
      const p = r.visible + (unit * all << 2) + row * ROW_BYTES;
      // A panel that pixels share with labels keeps the labels' logits.
      const count = min(r.pixels - unit, PANEL);
      const error = activate(p, r.inputs + ((row * pad + unit) << 2), count);
      if (measure) store<f32>(r.errors + ((unit / PANEL * all + row) << 2), error);
      if (sample) {
        let word = below32(uniforms + ((unit - from) << 2), p);
        if (count < PANEL) word &= (1 << count) - 1;
        if (last) {
          const input = pair ? load<u32>(r.bits + ((row * visible + unit) >> 3)) : 0;
          pushAll(r, unit, word & input, inArea(r, BOTH_AREA, row));
          pushAll(r, unit, input & ~word, inArea(r, DATA_AREA, row));
          pushAll(r, unit, word & ~input, inArea(r, MODEL_AREA, row));
        }
        while (word) {
          store<u32>(end, (unit + ctz(word)) * ROW_BYTES);
          store<f32>(end, 1, 4);
          end += 8;
          word &= word - 1;
        }
      }
    }
    store<u32>(list, <u32> end);
  }
  if (sample) return;
  for (let unit = from; unit < until; unit += PANEL) {
    const at = unit * all << 2;
    turnPanel(r.visibleByUnit + at, r.visible + at, all, rows);
  }
}

/** x ← σ(x) for the `count` first of 32; returns Σ (input − σ(x))² over them. */
function activate(x: usize, input: usize, count: i32): f32 {
  let squares = f32x4.splat(0);
  let at = 0;
  for (; at + 16 <= count << 2; at += 16) {
    const p = sigmoid4(v128.load(x + at)), d = f32x4.sub(p, v128.load(input + at));
    v128.store(x + at, p);
    squares = f32x4.add(squares, f32x4.mul(d, d));
  }
  let sum = f32x4.extract_lane(squares, 0) + f32x4.extract_lane(squares, 1) +
    f32x4.extract_lane(squares, 2) + f32x4.extract_lane(squares, 3);
  for (; at < count << 2; at += 4) {
    const p = f32x4.extract_lane(sigmoid4(f32x4.splat(load<f32>(x + at))), 0);
    const d = p - load<f32>(input + at);
    store<f32>(x + at, p);
    sum += d * d;
  }
  return sum;
}

/** The softmax group of labels: one of them on, or all as values; worker 0 does it for all rows. */
function sampleLabels(r: Batch, layer: i32, last: bool): void {
  const all = r.maxRows, rows = r.modelRows;
  const bytes = labelListBytes(r), uniforms = r.scratch;
  const sample = !last || r.sampleVisible;
  for (let row = 0; row < rows; row++) {
    const list = labelLists(r, r.modelLists) + row * bytes;
    clear(list);
    softmax(r, row);
    let error: f32 = 0, running: f32 = 0;
    let chosen = r.labels - 1, found = false;
    if (sample) fillUniform(uniforms, 0, 16, layer, r.step, row, r.seedLow, r.seedHigh);
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
      push(list, (r.pixels + chosen) * ROW_BYTES, 1);
      if (last) push(rowList(r, r.pixels + chosen), inArea(r, MODEL_AREA, row), 1);
    }
    if (last) store<f32>(r.errors + ((visibleUnits(r) / PANEL * all + row) << 2), error);
  }
}

// @ts-ignore: decorator
@inline
function labelActivity(r: Batch, row: i32, y: i32): usize {
  const unit = r.pixels + y, column = unit & -PANEL;
  return r.visible + (column * r.maxRows << 2) + row * ROW_BYTES + ((unit - column) << 2);
}

function softmax(r: Batch, row: i32): void {
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

/** velocity ← momentum·velocity + rate·(⟨vh⟩data − ⟨vh⟩model − cost·w); w ← w + velocity. */
function update(r: Batch, worker: i32, workers: i32): void {
  const visible = visibleUnits(r), pad = padded(r.hidden), all = r.maxRows;
  const rate: f32 = r.learningRate / <f32> r.rows;
  const modelShare: f32 = <f32> r.rows / <f32> r.modelRows;
  const block = r.scratch + worker * scratchBytes(r) + (max(pad, visible) << 2);
  const signed = r.signed + worker * 3 * all * ROW_BYTES;
  const binary = (r.sampleInputs | r.denseInputs) != 0 && r.sampleVisible != 0;
  const listless = r.denseInputs && denseModel(r);
  const to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    sign(r, signed, column, modelShare);
    for (let row = 0; row < visible; row += PANEL) {
      if (listless) memory.fill(block, 0, BLOCK_BYTES);
      else {
        for (let i = 0; i < PANEL; i++) {
          sumPanel(block + i * ROW_BYTES, ZEROS, signed, rowList(r, row + i), 0, 1, binary);
        }
      }
      const panel = row * all << 2;
      if (r.denseInputs) addStatistics(block, r.dense + panel, signed, r.rows);
      if (denseModel(r)) {
        addStatistics(block, r.visible + panel, signed + inArea(r, MODEL_AREA, 0), r.rows);
      }
      for (let i = 0; i < PANEL; i++) {
        const at = column * (visible << 2) + (row + i) * ROW_BYTES;
        step32(r.weights + at, r.velocity + at, block + i * ROW_BYTES, r, rate);
      }
      const out = r.transposed + row * (pad << 2) + column * ROW_BYTES;
      turn32x32(out, r.weights + column * (visible << 2) + row * ROW_BYTES);
    }
    for (let at = 0; at < ROW_BYTES; at += 16) {
      let sum = f32x4.splat(0);
      for (let row = 0; row < r.rows; row++) {
        sum = f32x4.add(sum, v128.load(signed + inArea(r, DATA_AREA, row) + at));
      }
      for (let row = 0; row < r.modelRows; row++) {
        sum = f32x4.add(sum, v128.load(signed + inArea(r, MODEL_AREA, row) + at));
      }
      const bias = r.hiddenBias + (column << 2) + at, velocity = r.hiddenVelocity + (column << 2) + at;
      const next = f32x4.add(
        f32x4.mul(f32x4.splat(r.momentum), v128.load(velocity)),
        f32x4.mul(sum, f32x4.splat(rate)),
      );
      v128.store(velocity, next);
      v128.store(bias, f32x4.add(v128.load(bias), next));
    }
  }
  const until = firstColumn(visible, worker + 1, workers);
  for (let i = firstColumn(visible, worker, workers); i < until; i++) {
    const bias = r.visibleBias + (i << 2), velocity = r.visibleVelocity + (i << 2);
    const next = r.momentum * load<f32>(velocity) + rate * sumOfUnit(r, i, modelShare);
    store<f32>(velocity, next);
    store<f32>(bias, load<f32>(bias) + next);
  }
}

/** block (32, 32) += vᵀ·h, both panels of the batch's rows. */
function addStatistics(block: usize, visible: usize, hidden: usize, rows: i32): void {
  for (let i = 0; i < PANEL; i += 4) {
    for (let part = 0; part < ROW_BYTES; part += 32) {
      const to = block + i * ROW_BYTES + part;
      addProduct4x8(to, visible + (i << 2), ROW_BYTES, hidden + part, rows);
    }
  }
}

/** Writes the three areas of a panel: the model's activities count once for each row of data. */
function sign(r: Batch, signed: usize, column: i32, modelShare: f32): void {
  const data = r.data + (column * r.maxRows << 2), model = r.model + (column * r.maxRows << 2);
  const minus = f32x4.splat(-modelShare), area = r.maxRows * ROW_BYTES;
  for (let at = 0; at < r.rows * ROW_BYTES; at += 16) {
    v128.store(signed + at, v128.load(data + at));
  }
  for (let at = 0; at < r.modelRows * ROW_BYTES; at += 16) {
    v128.store(signed + area + at, f32x4.mul(minus, v128.load(model + at)));
  }
  if (!paired(r)) return;
  for (let at = 0; at < r.rows * ROW_BYTES; at += 16) {
    v128.store(
      signed + BOTH_AREA * area + at,
      f32x4.add(v128.load(signed + at), v128.load(signed + area + at)),
    );
  }
}

/** Σ of a visible unit's states in the data − in the model. */
function sumOfUnit(r: Batch, unit: i32, modelShare: f32): f32 {
  const list = rowList(r, unit), area = <u32> (r.maxRows * ROW_BYTES);
  let sum: f32 = 0;
  if (r.denseInputs) sum += sumOfRow(r.denseByUnit + (unit * r.maxRows << 2), r.rows);
  if (denseModel(r)) sum -= sumOfRow(r.visibleByUnit + (unit * r.maxRows << 2), r.rows);
  if (r.denseInputs && denseModel(r)) return sum;
  for (let at = list + HEAD_BYTES, end = <usize> load<u32>(list); at < end; at += 8) {
    const offset = load<u32>(at), value = load<f32>(at, 4);
    if (offset < area) sum += value;
    else if (offset < 2 * area) sum -= modelShare * value;
  }
  return sum;
}

function sumOfRow(row: usize, count: i32): f32 {
  let sum: f32 = 0;
  for (let end = row + (count << 2); row < end; row += 4) sum += load<f32>(row);
  return sum;
}

/** The momentum update of 32 weights; `rate` is that of a gradient summed over the batch. */
// @ts-ignore: decorator
@inline
function step32(weights: usize, velocity: usize, gradient: usize, r: Batch, rate: f32): void {
  const momentum = f32x4.splat(r.momentum), decay = f32x4.splat(r.learningRate * r.weightCost);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const w = v128.load(weights + at);
    const scaled = f32x4.mul(f32x4.splat(rate), v128.load(gradient + at));
    const g = f32x4.sub(scaled, f32x4.mul(decay, w));
    const next = f32x4.add(f32x4.mul(momentum, v128.load(velocity + at)), g);
    v128.store(velocity + at, next);
    v128.store(weights + at, f32x4.add(w, next));
  }
}
