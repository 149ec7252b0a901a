/**
 * The half-steps of Gibbs sampling: p(h|v), p(v|h) and p(label|h), and samples of them.
 * Hinton (2002), "Training products of experts by minimizing contrastive divergence", eq. 3.
 * @module
 */
import {
  betaOf,
  bitsOf,
  errorOf,
  fillPanel,
  firstColumn,
  keptShare,
  labelList,
  padded,
  panelOf,
  pixelList,
  RbmContext,
  rowOfLabel,
  States,
  uniformsOf,
  VisibleUnits,
  visibleUnits,
} from "./memory";
import { clear, Form, HEAD_BYTES, listBytes, push, pushBitsAt, sumRows } from "../simd/row_lists";
import { addRow, below32 } from "../simd/vectors";
import { exp4, sigmoid4, sumLanes } from "../simd/math";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { prefetch } from "../simd/prefetch";
import { addProduct } from "../simd/products";
import { fillUniform } from "../simd/random";
import { claimShare, shareStart, waitForAll } from "../simd/barrier";

/** From so many rows of a batch on most rows of weights in a panel are used by one or another. */
const PREFETCHED_ROWS: i32 = 16;

/** Working memory of Gibbs sampling, and the streams of its random numbers. */
// @ts-ignore: decorator
@unmanaged
export class GibbsSampler {
  hiddenStream: i32; // of the first step
  visibleStream: i32;
  labelStream: i32;
  stepStreams: i32; // from the streams of a step to those of the next
  hiddenBits: usize; // (H/32, R) u32
  hiddenLists: usize; // (R) lists of the hidden units that are on
}

/**
 * h ~ p(h|v) for every row, in the panels that this worker claims; vectors are taken in `form`, because
 * chains that end in probabilities are samples until then.
 */
export function sampleHiddenUnits(
  r: RbmContext,
  g: GibbsSampler,
  states: States,
  form: Form,
  worker: i32,
  stream: i32,
): void {
  const panels = padded(r.hidden) / PANEL;
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    const column = p * PANEL;
    sumHidden(r, states, form, worker, column, states.hidden);
    activateHidden(r, states, worker, column, states.hidden, 1);
    sampleHidden(r, g, states, worker, column, stream, r.step);
  }
}

/** p(h=1|v) = σ(c + v·W) of a panel, into the hidden units of `states`. */
export function hiddenPanel(r: RbmContext, states: States, worker: i32, column: i32): void {
  sumHidden(r, states, states.form, worker, column, states.hidden);
  activateHidden(r, states, worker, column, states.hidden, 1);
}

/** c + v·W of a worker's own columns, into `sums` (H/32, R, 32), of vectors as lists. */
export function sumHiddenShare(r: RbmContext, states: States, worker: i32, sums: usize): void {
  const pad = padded(r.hidden), workers = r.barrier.workers;
  const to = firstColumn(pad, worker + 1, workers);
  for (let column = firstColumn(pad, worker, workers); column < to; column += PANEL) {
    sumHidden(r, states, states.form, worker, column, sums);
  }
}

/** c + v·W of a panel, into `sums` (H/32, R, 32). */
export function sumHidden(
  r: RbmContext,
  states: States,
  form: Form,
  worker: i32,
  column: i32,
  sums: usize,
): void {
  const visible = visibleUnits(r), rows = states.rows;
  const table = states.weights + column * (visible << 2), bias = r.hiddenBias + (column << 2);
  const panel = panelOf(r, sums, column);
  if (form == Form.Dense) {
    for (let row = 0; row < rows; row++) memory.copy(panel + row * ROW_BYTES, bias, ROW_BYTES);
    addProduct(panel, states.byUnit, r.maxRows, table, visible, rows);
    return;
  }
  const lists = states.lists, labels = states.labels, labelled = r.labels > 0;
  const stride = r.maxRows * listBytes(r.pixels), parts = states.parts;
  prefetchPanel(r, worker, table, visible, rows);
  for (let row = 0; row < rows; row++) {
    const out = panel + row * ROW_BYTES;
    let list = pixelList(r, lists, row);
    sumRows(out, bias, table, list, form);
    for (let part = 1; part < parts; part++) sumRows(out, out, table, list += stride, form);
    const label = labelled ? rowOfLabel(table, labelList(r, labels, row)) : 0;
    if (label) addRow(out, label);
  }
}

/** Brings a panel of a table near, where its rows are going to be used by enough rows of the batch. */
// @inline
export function prefetchPanel(
  r: RbmContext,
  worker: i32,
  table: usize,
  tableRows: i32,
  rows: i32,
): void {
  if (rows >= PREFETCHED_ROWS) prefetch(table, tableRows * ROW_BYTES, uniformsOf(r, worker));
}

/** A panel of hidden units ← σ(β·sums), 0 in the padding and where dropout leaves a unit out. */
export function activateHidden(
  r: RbmContext,
  states: States,
  worker: i32,
  column: i32,
  sums: usize,
  beta: f32,
): void {
  const from = panelOf(r, sums, column), to = panelOf(r, states.hidden, column);
  const mask = r.hiddenMask + (column << 2), rows = states.rows;
  for (let row = 0; row < rows; row++) {
    const scale = f32x4.splat(betaOf(states, row, beta)), at = row * ROW_BYTES;
    for (let part = 0; part < ROW_BYTES; part += 16) {
      const x = f32x4.mul(scale, v128.load(from + at + part));
      v128.store(to + at + part, f32x4.mul(sigmoid4(x), v128.load(mask + part)));
    }
  }
  if (changetype<usize>(states.dropout)) dropHidden(r, states, worker, column);
}

/** p ← p, or 0 with probability `dropout`. */
function dropHidden(r: RbmContext, states: States, worker: i32, column: i32): void {
  const uniforms = uniformsOf(r, worker), panel = panelOf(r, states.hidden, column);
  const keep = f32x4.splat(keptShare(states)), stream = states.dropout.stream, rows = states.rows;
  for (let row = 0; row < rows; row++) {
    fillPanel(uniforms, r, column, stream, r.step, row);
    for (let part = 0; part < ROW_BYTES; part += 16) {
      const p = panel + row * ROW_BYTES + part;
      v128.store(p, v128.and(v128.load(p), f32x4.lt(v128.load(uniforms + part), keep)));
    }
  }
}

/** The bits of a sample of a panel of hidden units. */
export function sampleHidden(
  r: RbmContext,
  g: GibbsSampler,
  states: States,
  worker: i32,
  column: i32,
  stream: i32,
  step: i32,
): void {
  const uniforms = uniformsOf(r, worker), panel = panelOf(r, states.hidden, column);
  const rows = states.rows, bits = g.hiddenBits;
  for (let row = 0; row < rows; row++) {
    fillPanel(uniforms, r, column, stream, step, row);
    store<u32>(bitsOf(r, bits, column, row), below32(uniforms, panel + row * ROW_BYTES));
  }
}

/** Lists the hidden units that are on in each row, once all workers have written their bits. */
export function listHidden(r: RbmContext, g: GibbsSampler, worker: i32, rows: i32): void {
  waitForAll(r.barrier, worker);
  const units = padded(r.hidden), workers = r.barrier.workers, bits = g.hiddenBits;
  const to = shareStart(rows, worker + 1, workers);
  for (let row = shareStart(rows, worker, workers); row < to; row++) {
    const list = g.hiddenLists + row * listBytes(r.hidden);
    let end = list + HEAD_BYTES;
    for (let unit = 0; unit < units; unit += PANEL) {
      end = pushBitsAt(end, unit, load<u32>(bitsOf(r, bits, unit, row)));
    }
    store<u32>(list, <u32> end);
  }
  waitForAll(r.barrier, worker);
}

/**
 * p(v=1|h) = σ(b + W·h) of a panel, or b + W·h where pixels are Gaussian; at inverse temperature β
 * σ(β(b + W·h) + (1 − β)·base). Labels that share the panel keep their logits.
 */
export function visiblePanel(
  r: RbmContext,
  g: GibbsSampler,
  states: States,
  worker: i32,
  column: i32,
  beta: f32,
): void {
  const units = padded(r.hidden), rows = states.rows, panel = panelOf(r, states.panels, column);
  const table = r.transposed + column * (units << 2), bias = r.visibleBias + (column << 2);
  const lists = g.hiddenLists, bytes = listBytes(r.hidden);
  prefetchPanel(r, worker, table, units, rows);
  for (let row = 0; row < rows; row++) {
    const sums = panel + row * ROW_BYTES, b = betaOf(states, row, beta);
    sumRows(sums, bias, table, lists + row * bytes, Form.Ones);
    if (b != 1) temper(sums, states.baseBias + (column << 2), b);
  }
  const count = min(r.pixels - column, PANEL);
  if (count <= 0 || r.visibleUnits == VisibleUnits.Gaussian) return;
  for (let row = 0; row < rows; row++) activate(panel + row * ROW_BYTES, count);
}

/** 32 visible sums ← β·sum + (1 − β)·base. */
function temper(sums: usize, base: usize, beta: f32): void {
  const own = f32x4.splat(beta), rest = f32x4.splat(1 - beta);
  for (let at = 0; at < ROW_BYTES; at += 16) {
    const x = f32x4.mul(own, v128.load(sums + at));
    v128.store(sums + at, f32x4.add(x, f32x4.mul(rest, v128.load(base + at))));
  }
}

/** x ← σ(x) for the `count` first of 32. */
function activate(x: usize, count: i32): void {
  let at = 0;
  for (; at + 16 <= count << 2; at += 16) v128.store(x + at, sigmoid4(v128.load(x + at)));
  for (; at < count << 2; at += 4) {
    store<f32>(x + at, f32x4.extract_lane(sigmoid4(f32x4.splat(load<f32>(x + at))), 0));
  }
}

/** Σ (input − reconstruction)² over the pixels of a panel, for each row. */
export function measurePanel(
  r: RbmContext,
  states: States,
  column: i32,
  inputs: usize,
  errors: usize,
): void {
  const pad = padded(r.pixels), panel = panelOf(r, states.panels, column), rows = states.rows;
  const bytes = min(r.pixels - column, PANEL) << 2;
  for (let row = 0; row < rows && bytes > 0; row++) {
    const x = panel + row * ROW_BYTES, input = inputs + ((row * pad + column) << 2);
    let squares = f32x4.splat(0), at = 0;
    for (; at + 16 <= bytes; at += 16) {
      const d = f32x4.sub(v128.load(x + at), v128.load(input + at));
      squares = f32x4.add(squares, f32x4.mul(d, d));
    }
    let sum = sumLanes(squares);
    for (; at < bytes; at += 4) {
      const d = load<f32>(x + at) - load<f32>(input + at);
      sum += d * d;
    }
    store<f32>(errorOf(r, errors, column, row), sum);
  }
}

/** The bits of a sample of a panel of pixels. */
export function sampleVisible(
  r: RbmContext,
  states: States,
  worker: i32,
  column: i32,
  stream: i32,
  step: i32,
): void {
  const count = min(r.pixels - column, PANEL), rows = states.rows, bits = states.bits;
  const uniforms = uniformsOf(r, worker), panel = panelOf(r, states.panels, column);
  for (let row = 0; row < rows && count > 0; row++) {
    fillPanel(uniforms, r, column, stream, step, row);
    let word = below32(uniforms, panel + row * ROW_BYTES);
    if (count < PANEL) word &= (1 << count) - 1;
    store<u32>(bitsOf(r, bits, column, row), word);
  }
}

/** v ~ p(v|h) for every row, in the panels that this worker claims. */
export function sampleVisibleUnits(
  r: RbmContext,
  g: GibbsSampler,
  states: States,
  worker: i32,
  stream: i32,
  step: i32,
  beta: f32,
): void {
  const panels = visibleUnits(r) / PANEL;
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    visiblePanel(r, g, states, worker, p * PANEL, beta);
    sampleVisible(r, states, worker, p * PANEL, stream, step);
  }
}

/** Lists the pixels that are on, for a worker's share of the rows. */
export function listVisible(r: RbmContext, states: States, worker: i32): void {
  const units = padded(r.pixels), workers = r.barrier.workers, bits = states.bits;
  const to = shareStart(states.rows, worker + 1, workers);
  for (let row = shareStart(states.rows, worker, workers); row < to; row++) {
    const list = pixelList(r, states.lists, row);
    let end = list + HEAD_BYTES;
    for (let unit = 0; unit < units; unit += PANEL) {
      end = pushBitsAt(end, unit, load<u32>(bitsOf(r, bits, unit, row)));
    }
    store<u32>(list, <u32> end);
  }
}

/** The logit or probability of a label, in the panel of visible units that it lies in. */
// @inline
export function labelActivity(r: RbmContext, states: States, row: i32, y: i32): usize {
  const unit = r.pixels + y, column = unit & -PANEL;
  return panelOf(r, states.panels, column) + row * ROW_BYTES + ((unit - column) << 2);
}

/** p(label|h) of each row: the softmax of the labels' logits, in their place. */
export function activateLabels(r: RbmContext, states: States): void {
  const labels = r.labels;
  for (let row = 0; row < states.rows; row++) {
    let largest: f32 = -Infinity, total: f32 = 0;
    for (let y = 0; y < labels; y++) {
      largest = max(largest, load<f32>(labelActivity(r, states, row, y)));
    }
    for (let y = 0; y < labels; y++) {
      const at = labelActivity(r, states, row, y);
      const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(at) - largest)), 0);
      store<f32>(at, e);
      total += e;
    }
    for (let y = 0; y < labels; y++) {
      const at = labelActivity(r, states, row, y);
      store<f32>(at, load<f32>(at) / total);
    }
  }
}

/** One label of each row on, with its probability. One worker does it, with its scratch. */
export function sampleLabels(r: RbmContext, states: States, stream: i32, step: i32): void {
  const labels = r.labels, uniforms = r.scratch;
  for (let row = 0; row < states.rows; row++) {
    const list = labelList(r, states.labels, row);
    fillUniform(uniforms, 0, 16, stream, step, row, r.seedLow, r.seedHigh);
    const uniform = load<f32>(uniforms);
    let chosen = 0, running = load<f32>(labelActivity(r, states, row, 0));
    while (chosen < labels - 1 && !(uniform < running)) {
      running += load<f32>(labelActivity(r, states, row, ++chosen));
    }
    clear(list);
    push(list, (r.pixels + chosen) * ROW_BYTES, 1, Form.Values);
  }
}
