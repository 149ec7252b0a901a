/**
 * The parameters of an RBM with label units, as training has them.
 * @module
 */
import type { TrainingParameters } from "../../../src/kernels/training/rbm_memory.ts";
import type { LabelRbm, Rbm } from "../../../src/model/rbm.ts";

/** Weights and biases with those of the labels after those of the pixels. */
export function joinLabels(rbm: Rbm | LabelRbm): TrainingParameters {
  if (!("labelSize" in rbm)) return rbm;
  return {
    weights: concat(rbm.weights, rbm.labelWeights),
    visibleBias: concat(rbm.visibleBias, rbm.labelBias),
    hiddenBias: rbm.hiddenBias,
  };
}

function concat(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
