/**
 * One mini-batch of a feed-forward network in training: forward, loss, backward, update, on all workers.
 *
 * Activities and weights lie in panels of 32 columns. Every sum runs in order over whole panels of one
 * worker, so the number of workers changes no bit. Products use the fused multiply-add of relaxed
 * SIMD: this module trains and never generates.
 * @module
 */
import { PANEL } from "../simd/panel";
import { waitForAll } from "../simd/barrier";
import { backwardInputs, backwardLayer } from "./backward";
import {
  endOf,
  enterInputs,
  enterLayer,
  firstOf,
  layerAt,
  NetworkBatch,
  NetworkShare,
  NetworkTask,
  startShare,
} from "./batch";
import { forwardLayer, placeInputs } from "./forward";
import { softmaxRow, transposeGradients } from "./loss";
import { perturbInputs } from "./perturbation";
import { limitNorms, updateLayer } from "./update";

/** A worker's share of one batch. */
export function trainNetwork(b: NetworkBatch, worker: i32): void {
  const s = startShare(b, worker);
  forward(s);
  loss(s);
  backwardAndUpdate(s);
  if (b.task == NetworkTask.Perturb) perturbInputs(s);
  // After the last barrier wait b may be of another batch.
  const maxNorm: f32 = b.task == NetworkTask.Train ? b.maxNorm : 0;
  waitForAll(b.barrier, worker);
  if (maxNorm == 0) return;
  boundNorms(s, maxNorm);
  waitForAll(b.barrier, worker);
}

/** Scores of the batch's rows alone, without dropout, into `out` of the last layer. */
export function runNetwork(b: NetworkBatch, worker: i32): void {
  forward(startShare(b, worker));
}

/** x → f(x·w + b), layer by layer. */
function forward(s: NetworkShare): void {
  const b = s.batch, layerCount = b.layerCount;
  enterInputs(s);
  placeInputs(s);
  waitForAll(b.barrier, s.worker);
  for (let i = 0; i < layerCount; i++) {
    enterLayer(s, i);
    forwardLayer(s);
    waitForAll(b.barrier, s.worker);
  }
}

/** Cross-entropy of the softmax of the scores, and its gradient in their place. */
function loss(s: NetworkShare): void {
  const b = s.batch, end = endOf(s, b.rows);
  enterLayer(s, b.layerCount - 1);
  for (let row = firstOf(s, b.rows); row < end; row++) softmaxRow(s, row);
  waitForAll(b.barrier, s.worker);
  transposeGradients(s);
  waitForAll(b.barrier, s.worker);
}

/** From the last layer to the first: the gradient by its inputs, then the update by that of its weights. */
function backwardAndUpdate(s: NetworkShare): void {
  const b = s.batch;
  for (let i = b.layerCount - 1; i >= 0; i--) {
    if (i > 0) {
      backwardLayer(s, i);
      waitForAll(b.barrier, s.worker); // weights change after all have read them
    } else if (b.task == NetworkTask.Perturb) {
      backwardInputs(s);
    }
    if (b.task == NetworkTask.Perturb) continue;
    enterLayer(s, i);
    updateLayer(s);
  }
}

/** |w| ≤ `maxNorm` for the weights into each hidden unit. */
function boundNorms(s: NetworkShare, maxNorm: f32): void {
  const b = s.batch;
  for (let i = 0; i < b.layerCount - 1; i++) {
    const layer = layerAt(b, i), panels = layer.outputs / PANEL, end = endOf(s, panels);
    for (let panel = firstOf(s, panels); panel < end; panel++) limitNorms(layer, panel, maxNorm);
  }
}
