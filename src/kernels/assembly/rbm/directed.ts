/**
 * A layer of sigmoid units as a directed model of the layer above or below: predictions, samples, and
 * the delta rule. It lies in memory as an RBM in training does; its outputs are the hidden units.
 * @module
 */
import {
  RbmBatch,
  below32,
  hiddenPanel,
  padded,
  rowList,
  scratchBytes,
  sumPanel,
  visibleUnits,
  ZEROS,
} from "./batch";
import { PANEL, ROW_BYTES } from "../simd/panel";
import { BLOCK_BYTES } from "../simd/products";
import { fillUniform } from "../simd/random";
import { waitForAll, claimShare } from "../simd/barrier";
import { addStatistics, readInputs, step32 } from "./contrastive_divergence";

/** A worker's share of p = σ(c + x·w) into `outputs` (B, H padded), or of a sample of it. */
export function predictBatch(r: RbmBatch, worker: i32): void {
  const workers = r.barrier.workers, pad = padded(r.hidden);
  readInputs(r, worker, workers);
  waitForAll(r.barrier, worker);
  const uniforms = r.scratch + worker * scratchBytes(r), one = f32x4.splat(1);
  for (let p = claimShare(r.barrier, worker, -1); p < pad / PANEL; p = claimShare(r.barrier, worker, p)) {
    const column = p * PANEL;
    hiddenPanel(r, worker, column, r.data, r.dataLists, r.rows, false, -1);
    for (let row = 0; row < r.rows; row++) {
      const p = r.data + (column * r.maxRows << 2) + row * ROW_BYTES;
      const out = r.outputs + ((row * pad + column) << 2);
      if (!r.sampleOutputs) {
        memory.copy(out, p, ROW_BYTES);
        continue;
      }
      fillUniform(uniforms, column, column + PANEL, r.layer, r.step, row, r.seedLow, r.seedHigh);
      for (let at = 0; at < ROW_BYTES; at += 16) {
        const on = f32x4.lt(v128.load(uniforms + at), v128.load(p + at));
        v128.store(out + at, v128.and(on, one));
      }
    }
  }
  waitForAll(r.barrier, worker);
}

/**
 * A worker's share of one step of the delta rule: w += rate·⟨x·(t − p)⟩ for targets t in `outputs`
 * (B, H padded), and the same for the biases.
 */
export function learnBatch(r: RbmBatch, worker: i32): void {
  const workers = r.barrier.workers, pad = padded(r.hidden), visible = visibleUnits(r);
  readInputs(r, worker, workers);
  waitForAll(r.barrier, worker);
  const block = r.scratch + worker * scratchBytes(r) + (max(pad, visible) << 2);
  const sums = block + BLOCK_BYTES, rate: f32 = r.learningRate / <f32> r.rows;
  for (let p = claimShare(r.barrier, worker, -1); p < pad / PANEL; p = claimShare(r.barrier, worker, p)) {
    const column = p * PANEL;
    hiddenPanel(r, worker, column, r.data, r.dataLists, r.rows, false, -1);
    const panel = r.data + (column * r.maxRows << 2);
    memory.fill(sums, 0, ROW_BYTES);
    for (let row = 0; row < r.rows; row++) {
      const target = r.outputs + ((row * pad + column) << 2), p = panel + row * ROW_BYTES;
      for (let at = 0; at < ROW_BYTES; at += 16) {
        const error = f32x4.sub(v128.load(target + at), v128.load(p + at));
        v128.store(p + at, error);
        v128.store(sums + at, f32x4.add(v128.load(sums + at), error));
      }
    }
    for (let row = 0; row < visible; row += PANEL) {
      if (r.denseInputs) {
        memory.fill(block, 0, BLOCK_BYTES);
        addStatistics(block, r.dense + (row * r.maxRows << 2), panel, r.rows);
      } else {
        for (let i = 0; i < PANEL; i++) {
          const to = block + i * ROW_BYTES;
          sumPanel(to, ZEROS, panel, rowList(r, row + i), 0, 1, r.sampleInputs);
        }
      }
      for (let i = 0; i < PANEL; i++) {
        const at = column * (visible << 2) + (row + i) * ROW_BYTES;
        step32(r, at, block + i * ROW_BYTES, rate);
      }
    }
    const scale = f32x4.splat(rate), momentum = f32x4.splat(r.momentum);
    for (let at = 0; at < ROW_BYTES; at += 16) {
      const bias = r.hiddenBias + (column << 2) + at, velocity = r.hiddenVelocity + (column << 2) + at;
      const own = f32x4.mul(momentum, v128.load(velocity));
      const next = f32x4.add(own, f32x4.mul(scale, v128.load(sums + at)));
      v128.store(velocity, next);
      v128.store(bias, f32x4.add(v128.load(bias), next));
    }
  }
  waitForAll(r.barrier, worker);
}
