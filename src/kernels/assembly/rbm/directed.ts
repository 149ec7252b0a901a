/**
 * A layer of sigmoid units as a directed model of the layer above or below: predictions, samples and the
 * delta rule. Hinton, Osindero, Teh (2006), "A fast learning algorithm for deep belief nets", appendix B.
 * It lies in memory as an RBM does; its outputs are the hidden units.
 * @module
 */
import { hiddenPanel } from "./conditionals";
import { Inputs, readInputs } from "./inputs";
import {
  blockOf,
  fillPanel,
  hiddenSumsOf,
  padded,
  panelOf,
  RbmContext,
  States,
  uniformsOf,
  visibleUnits,
} from "./memory";
import { addOuter, Statistics, unitList } from "./statistics";
import { Form, sumRows } from "../simd/row_lists";
import { addScaled, ZEROS } from "../simd/vectors";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { BLOCK_BYTES } from "../simd/products";
import { claimShare, waitForAll } from "../simd/barrier";

/** What predictions are. */
export enum Prediction {
  Probabilities,
  Samples,
}

/** Hyper-parameters, named as in recipes. */
// @ts-ignore: decorator
@unmanaged
export class DeltaRule {
  learningRate: f32;
  weightCost: f32; // penalty weightCost·w²/2
}

/** Inputs of a layer, and its predictions or targets. */
// @ts-ignore: decorator
@unmanaged
export class DirectedBatch {
  context: RbmContext;
  inputs: Inputs;
  data: States;
  statistics: Statistics;
  rule: DeltaRule;
  prediction: Prediction;
  stream: i32; // of the numbers that sample predictions
  outputs: usize; // (B, H padded): predictions or targets
}

/** A worker's share of p = σ(c + x·w), or of a sample of it. */
export function predictDirected(b: DirectedBatch, worker: i32): void {
  const r = b.context, data = b.data, pad = padded(r.hidden), rows = data.rows;
  readInputs(r, b.inputs, data, b.statistics, worker);
  waitForAll(r.barrier, worker);
  const uniforms = uniformsOf(r, worker), one = f32x4.splat(1);
  const sampled = b.prediction == Prediction.Samples;
  for (
    let c = claimShare(r.barrier, worker, -1);
    c < pad / PANEL;
    c = claimShare(r.barrier, worker, c)
  ) {
    const column = c * PANEL;
    hiddenPanel(r, data, worker, column);
    for (let row = 0; row < rows; row++) {
      const p = panelOf(r, data.hidden, column) + row * ROW_BYTES;
      const out = b.outputs + ((row * pad + column) << 2);
      if (!sampled) {
        memory.copy(out, p, ROW_BYTES);
        continue;
      }
      fillPanel(uniforms, r, column, b.stream, r.step, row);
      for (let at = 0; at < ROW_BYTES; at += 16) {
        const on = f32x4.lt(v128.load(uniforms + at), v128.load(p + at));
        v128.store(out + at, v128.and(on, one));
      }
    }
  }
  waitForAll(r.barrier, worker);
}

/** A worker's share of one step of the delta rule: w += η·(⟨x·(t − p)⟩ − weightCost·w), c += η·⟨t − p⟩. */
export function learnDirected(b: DirectedBatch, worker: i32): void {
  const r = b.context, data = b.data, visible = visibleUnits(r), rows = data.rows;
  const rate: f32 = b.rule.learningRate / <f32> rows, panels = padded(r.hidden) / PANEL;
  readInputs(r, b.inputs, data, b.statistics, worker);
  waitForAll(r.barrier, worker);
  const block = blockOf(r, worker), sums = hiddenSumsOf(block);
  for (
    let p = claimShare(r.barrier, worker, -1);
    p < panels;
    p = claimShare(r.barrier, worker, p)
  ) {
    const column = p * PANEL, errors = panelOf(r, data.hidden, column);
    hiddenPanel(r, data, worker, column);
    subtractFromTargets(b, column, errors, sums);
    for (let unit = 0; unit < visible; unit += PANEL) {
      correlateErrors(b, unit, errors, block);
      for (let i = 0; i < PANEL; i++) {
        const weights = r.weights + column * (visible << 2) + (unit + i) * ROW_BYTES;
        decayAndAdd32(b.rule, weights, block + i * ROW_BYTES, rate);
      }
    }
    addScaled(r.hiddenBias + (column << 2), sums, rate);
  }
  waitForAll(r.barrier, worker);
}

/** A panel of predictions ← targets − predictions, and their sums over the rows. */
function subtractFromTargets(b: DirectedBatch, column: i32, predictions: usize, sums: usize): void {
  const pad = padded(b.context.hidden);
  memory.fill(sums, 0, ROW_BYTES);
  for (let row = 0; row < b.data.rows; row++) {
    const target = b.outputs + ((row * pad + column) << 2), p = predictions + row * ROW_BYTES;
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const error = f32x4.sub(v128.load(target + at), v128.load(p + at));
      v128.store(p + at, error);
      v128.store(sums + at, f32x4.add(v128.load(sums + at), error));
    }
  }
}

/** block (32, 32) ← Σ x·error, of inputs from `unit` on. */
function correlateErrors(b: DirectedBatch, unit: i32, errors: usize, block: usize): void {
  const r = b.context, data = b.data, form = b.statistics.form;
  if (data.form == Form.Dense) {
    memory.fill(block, 0, BLOCK_BYTES);
    addOuter(block, panelOf(r, data.panels, unit), errors, data.rows);
    return;
  }
  for (let i = 0; i < PANEL; i++) {
    sumRows(block + i * ROW_BYTES, ZEROS, errors, unitList(r, b.statistics, unit + i), form);
  }
}

/** w ← w + rate·gradient − η·weightCost·w, for 32 weights. */
function decayAndAdd32(rule: DeltaRule, weights: usize, gradient: usize, rate: f32): void {
  const decay = f32x4.splat(rule.learningRate * rule.weightCost), scale = f32x4.splat(rate);
  for (let i = 0; i < ROW_BYTES; i += 16) {
    const w = v128.load(weights + i), scaled = f32x4.mul(scale, v128.load(gradient + i));
    v128.store(weights + i, f32x4.add(w, f32x4.sub(scaled, f32x4.mul(decay, w))));
  }
}
