/**
 * Free energies of many cases, on the kernels that serve.
 * @module
 */
import { softplus } from "../../src/math/activations.ts";
import type { LabelRbm, Rbm } from "../../src/model/rbm.ts";
import { runDense } from "../data/dense.ts";

// N cases, V visible, H hidden

/**
 * F(v) = −b·v − Σ softplus(c + v·W), or F(v, y) of a label RBM with each case's own label, in nats, (N).
 * Of Gaussian visible units with variance 1 the first term is (v − b)²/2.
 * @param cases (N, V)
 */
export async function freeEnergies(
  rbm: Rbm | LabelRbm,
  cases: Float32Array,
  labels: Uint8Array,
  { gaussian }: { gaussian: boolean },
): Promise<Float64Array> {
  const { visibleSize, hiddenSize, visibleBias, weights, hiddenBias } = rbm;
  const count = labels.length, out = new Float64Array(count);
  await runDense(
    {
      count,
      read: (first, rows) => cases.subarray(first * visibleSize, (first + rows) * visibleSize),
      use: (logits, first, rows) => {
        for (let row = 0; row < rows; row++) {
          const at = first + row, own = logits.subarray(row * hiddenSize, (row + 1) * hiddenSize);
          const v = cases.subarray(at * visibleSize, (at + 1) * visibleSize);
          out[at] = visibleTerm(v, visibleBias, gaussian) - hiddenTerm(own, rbm, labels[at]);
          if ("labelSize" in rbm) out[at] -= rbm.labelBias[labels[at]];
        }
      },
    },
    { inputSize: visibleSize, weights, bias: hiddenBias },
  );
  return out;
}

/** −b·v, or (v − b)²/2. */
function visibleTerm(v: Float32Array, bias: Float32Array, gaussian: boolean): number {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += gaussian ? (v[i] - bias[i]) ** 2 / 2 : -v[i] * bias[i];
  return sum;
}

/** Σ softplus(logits + U_y), without U of an RBM that has no labels. */
function hiddenTerm(logits: Float32Array, rbm: Rbm | LabelRbm, label: number): number {
  const labelRow = "labelSize" in rbm ? label * rbm.hiddenSize : -1;
  let sum = 0;
  for (let j = 0; j < logits.length; j++) {
    sum += softplus(
      "labelSize" in rbm ? logits[j] + rbm.labelWeights[labelRow + j] : logits[j],
    );
  }
  return sum;
}
