/**
 * An RBM in memory: what every algorithm on it shares.
 *
 * B rows of a batch, M chains, R the most rows of either, P pixels, L labels, V = P + L visible units,
 * H hidden units. A panel is 32 columns: weights (H/32, V, 32), transposed (V/32, H, 32), activities
 * (units/32, R, 32), all padded to 32 in both directions. Workers claim panels as they come free, so no
 * result may depend on who makes it. After the last barrier wait of a call no worker reads a struct: its
 * caller may be writing the next one.
 * @module
 */
import { PANEL, ROW_BYTES } from "../simd/panel";
import { Form, HEAD_BYTES, listBytes } from "../simd/row_lists";
import { fillUniform } from "../simd/random";
import { Barrier, shareStart } from "../simd/barrier";

/** What pixels are. */
export enum VisibleUnits {
  Bernoulli,
  /** Of variance 1 about their mean. */
  Gaussian,
}

/** The team, sizes and parameters of an RBM, and the key of its random numbers. */
// @ts-ignore: decorator
@unmanaged
export class RbmContext {
  barrier: Barrier;
  seedLow: i32;
  seedHigh: i32;
  step: i32; // of the batch, or of the first Gibbs step of a run
  maxRows: i32; // R
  pixels: i32; // P
  labels: i32; // L
  hidden: i32; // H
  visibleUnits: VisibleUnits;
  weights: usize; // (H/32, V, 32)
  transposed: usize; // (V/32, H, 32): of the weights that chains go by
  visibleBias: usize; // (V padded)
  hiddenBias: usize; // (H padded)
  hiddenMask: usize; // (H padded): 1, or 0 in the padding
  scratch: usize; // see scratchBytes
}

/** Leaves hidden units out of a case, in both of its halves. Srivastava et al. (2014), §8. */
// @ts-ignore: decorator
@unmanaged
export class Dropout {
  dropout: f64; // share left out
  stream: i32;
}

/** Visible vectors, of a batch's data or of chains, and the activities of the hidden units over them. */
// @ts-ignore: decorator
@unmanaged
export class States {
  rows: i32; // B or M
  learningRows: i32; // those that are learnt from: at temperature 1
  form: Form; // of the vectors that are learnt from
  parts: i32; // lists a row: of data one a worker, of chains one
  lists: usize; // (parts, R) lists of pixels that are not 0
  labels: usize; // (R) lists of the label
  bits: usize; // (V/32, R) u32
  panels: usize; // (V/32, R, 32)
  byUnit: usize; // (V padded, R): the same, where dense
  hidden: usize; // (H/32, R, 32)
  weights: usize; // (H/32, V, 32): those of the context, or with fast weights on top
  betas: usize; // (M): inverse temperatures; 0 where all are 1
  baseBias: usize; // (V padded): visible biases at inverse temperature 0
  dropout: Dropout; // 0 for none
}

// @inline
export function padded(n: i32): i32 {
  return (n + PANEL - 1) & -PANEL;
}

/** V padded. */
// @inline
export function visibleUnits(r: RbmContext): i32 {
  return padded(r.pixels + r.labels);
}

/** The first unit of a worker's share of panels. */
// @inline
export function firstColumn(units: i32, worker: i32, workers: i32): i32 {
  return shareStart(units / PANEL, worker, workers) * PANEL;
}

/** The rows (R, 32) of a panel of activities. */
// @inline
export function panelOf(r: RbmContext, activities: usize, column: i32): usize {
  return activities + (column * r.maxRows << 2);
}

/** The list of a row. */
// @inline
export function pixelList(r: RbmContext, lists: usize, row: i32): usize {
  return lists + row * listBytes(r.pixels);
}

/** The list of the label of a row. */
// @inline
export function labelList(r: RbmContext, lists: usize, row: i32): usize {
  return lists + row * listBytes(r.labels);
}

/** The row of the label in a list, which has one or, where labels are left out, none (0). */
// @inline
export function rowOfLabel(table: usize, list: usize): usize {
  return load<u32>(list) == <u32> (list + HEAD_BYTES) ? 0 : table + load<u32>(list, HEAD_BYTES);
}

/** Where a panel's bits of a row are. */
// @inline
export function bitsOf(r: RbmContext, bits: usize, column: i32, row: i32): usize {
  return bits + ((column / PANEL * r.maxRows + row) << 2);
}

/** Where an error of a row is: one for each panel of pixels, and one for the labels (V/32 + 1, R). */
// @inline
export function errorOf(r: RbmContext, errors: usize, column: i32, row: i32): usize {
  return errors + ((column / PANEL * r.maxRows + row) << 2);
}

/** The inverse temperature of a row: its own, where rows have their own. */
// @inline
export function betaOf(states: States, row: i32, beta: f32): f32 {
  return states.betas ? load<f32>(states.betas + (row << 2)) : beta;
}

/** Whether a row is learnt from. */
// @inline
export function isLearning(states: States, row: i32): bool {
  return betaOf(states, row, 1) == 1;
}

/** Bytes of a worker's scratch: uniforms of a layer, a block of 32 × 32 and three rows of 32. */
// @inline
function scratchBytes(r: RbmContext): i32 {
  return (max(padded(r.hidden), visibleUnits(r)) << 2) + (PANEL + 3) * ROW_BYTES;
}

/** Room for the uniforms of a panel, or for what prefetch leaves. */
// @inline
export function uniformsOf(r: RbmContext, worker: i32): usize {
  return r.scratch + worker * scratchBytes(r);
}

/** Room for a block of 32 × 32, then for three rows of 32. */
// @inline
export function blockOf(r: RbmContext, worker: i32): usize {
  return uniformsOf(r, worker) + (max(padded(r.hidden), visibleUnits(r)) << 2);
}

/** 32 uniforms of a panel's units. */
// @inline
export function fillPanel(
  out: usize,
  r: RbmContext,
  unit: i32,
  stream: i32,
  step: i32,
  row: i32,
): void {
  fillUniform(out, unit, unit + PANEL, stream, step, row, r.seedLow, r.seedHigh);
}

/** Share of hidden units that dropout leaves in. */
// @inline
export function keptShare(states: States): f32 {
  return changetype<usize>(states.dropout) ? <f32> (1.0 - states.dropout.dropout) : 1;
}

// A worker's block (32, 32) of the weights' gradient is followed by three rows of 32 hidden units.

/** Σ of hidden units over the data − over the model: the gradient of their biases. */
// @inline
export function hiddenSumsOf(block: usize): usize {
  return block + PANEL * ROW_BYTES;
}

/** What centring takes from the gradient of the hidden biases. */
// @inline
export function correctionOf(block: usize): usize {
  return block + (PANEL + 1) * ROW_BYTES;
}

/** What a sparsity target takes from it. */
// @inline
export function sparsityOf(block: usize): usize {
  return block + (PANEL + 2) * ROW_BYTES;
}
