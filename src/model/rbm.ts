/**
 * Restricted Boltzmann machines with Bernoulli units, with or without a softmax label group.
 *
 * E(v, h) = −b·v − c·h − v·W·h; Smolensky (1986), Hinton (2002). With labels y (one-hot):
 * E(v, y, h) = −b·v − d·y − c·h − v·W·h − y·U·h; Hinton, Osindero, Teh (2006), Larochelle and
 * Bengio (2008).
 * @module
 */
import { logSumExp, sigmoid, softmaxRows, softplus } from "../math/activations.ts";
import { sampleBernoulli } from "../math/random.ts";
import { affine, affineTransposed, checkShape, countRows, mapInPlace } from "../math/matrix.ts";
import { checkMatrix, type WeightMatrix } from "../math/weight_matrix.ts";

// B batch, V visible, H hidden, L labels

/** Parameters of a Bernoulli–Bernoulli RBM; its matrices are float32 unless it says otherwise. */
export interface Rbm<M extends WeightMatrix = Float32Array> {
  /** Visible units, V. */
  visibleSize: number;
  /** Hidden units, H. */
  hiddenSize: number;
  /** W (V, H). */
  weights: M;
  /** b (V). */
  visibleBias: Float32Array;
  /** c (H). */
  hiddenBias: Float32Array;
}

/** An RBM whose visible layer also holds a softmax group of label units. */
export interface LabelRbm<M extends WeightMatrix = Float32Array> extends Rbm<M> {
  /** Label units, L. */
  labelSize: number;
  /** U (L, H). */
  labelWeights: M;
  /** d (L). */
  labelBias: Float32Array;
}

/** An RBM of zeros, ready to be filled. */
export function zeroRbm(visibleSize: number, hiddenSize: number): Rbm {
  return {
    visibleSize,
    hiddenSize,
    weights: new Float32Array(visibleSize * hiddenSize),
    visibleBias: new Float32Array(visibleSize),
    hiddenBias: new Float32Array(hiddenSize),
  };
}

/** A label RBM of zeros, ready to be filled. */
export function zeroLabelRbm(visibleSize: number, labelSize: number, hiddenSize: number): LabelRbm {
  return {
    ...zeroRbm(visibleSize, hiddenSize),
    labelSize,
    labelWeights: new Float32Array(labelSize * hiddenSize),
    labelBias: new Float32Array(labelSize),
  };
}

/** @throws {RangeError} naming the tensor and both shapes if a buffer does not fit the sizes. */
export function checkRbm(rbm: Rbm<WeightMatrix>): void {
  checkMatrix("rbm weights", rbm.weights, rbm.visibleSize, rbm.hiddenSize);
  checkShape("rbm visibleBias", rbm.visibleBias, 1, rbm.visibleSize);
  checkShape("rbm hiddenBias", rbm.hiddenBias, 1, rbm.hiddenSize);
}

/** c + v·W for a batch of visible vectors (B, V); result (B, H). */
export function hiddenLogits(rbm: Rbm, visible: Float32Array): Float32Array {
  const batch = countRows("visible", visible, rbm.visibleSize);
  const out = new Float32Array(batch * rbm.hiddenSize);
  return affine(out, visible, rbm.weights, rbm.hiddenBias);
}

/** p(h=1|v) = σ((c + v·W) / T), shape (B, H). */
export function hiddenGivenVisible(rbm: Rbm, visible: Float32Array, temperature = 1): Float32Array {
  return mapInPlace(hiddenLogits(rbm, visible), (x) => sigmoid(x / temperature));
}

/** p(v=1|h) = σ((b + h·Wᵀ) / T), shape (B, V). */
export function visibleGivenHidden(rbm: Rbm, hidden: Float32Array, temperature = 1): Float32Array {
  const batch = countRows("hidden", hidden, rbm.hiddenSize);
  const out = new Float32Array(batch * rbm.visibleSize);
  affineTransposed(out, hidden, rbm.weights, rbm.visibleBias);
  return mapInPlace(out, (x) => sigmoid(x / temperature));
}

/** p(h=1|v,y) = σ((c + v·W + y·U) / T), shape (B, H). */
export function hiddenGivenVisibleAndLabel(
  rbm: LabelRbm,
  visible: Float32Array,
  labels: Float32Array, // (B, L)
  temperature = 1,
): Float32Array {
  const logits = hiddenLogits(rbm, visible);
  const batch = logits.length / rbm.hiddenSize;
  checkShape("labels", labels, batch, rbm.labelSize);
  const fromLabels = affine(
    new Float32Array(logits.length),
    labels,
    rbm.labelWeights,
    new Float32Array(rbm.hiddenSize),
  );
  for (let i = 0; i < logits.length; i++) {
    logits[i] = sigmoid((logits[i] + fromLabels[i]) / temperature);
  }
  return logits;
}

/** p(y|h) = softmax((d + h·Uᵀ) / T), shape (B, L). */
export function labelGivenHidden(
  rbm: LabelRbm,
  hidden: Float32Array,
  temperature = 1,
): Float32Array {
  const batch = countRows("hidden", hidden, rbm.hiddenSize);
  const out = new Float32Array(batch * rbm.labelSize);
  affineTransposed(out, hidden, rbm.labelWeights, rbm.labelBias);
  return softmaxRows(mapInPlace(out, (x) => x / temperature), rbm.labelSize);
}

/**
 * One step of block Gibbs sampling: h ~ p(h|v), then v ~ p(v|h). Hinton (2002).
 *
 * @param visible binary states (B, V)
 * @param random uniforms in [0, 1), (B, H) and (B, V)
 * @returns the new binary states: hidden (B, H), visible (B, V)
 */
export function gibbsStep(
  rbm: Rbm,
  visible: Float32Array,
  random: { hidden: Float32Array; visible: Float32Array },
): { hidden: Float32Array; visible: Float32Array } {
  const hidden = hiddenGivenVisible(rbm, visible);
  sampleBernoulli(hidden, hidden, random.hidden);
  const next = visibleGivenHidden(rbm, hidden);
  return { hidden, visible: sampleBernoulli(next, next, random.visible) };
}

/** E(v, h) = −b·v − c·h − v·W·h of one joint state, in nats. */
export function energy(rbm: Rbm, visible: Float32Array, hidden: Float32Array): number {
  checkShape("visible", visible, 1, rbm.visibleSize);
  checkShape("hidden", hidden, 1, rbm.hiddenSize);
  let sum = 0;
  for (let i = 0; i < rbm.visibleSize; i++) sum -= rbm.visibleBias[i] * visible[i];
  for (let j = 0; j < rbm.hiddenSize; j++) sum -= rbm.hiddenBias[j] * hidden[j];
  for (let i = 0; i < rbm.visibleSize; i++) {
    if (visible[i] === 0) continue;
    for (let j = 0; j < rbm.hiddenSize; j++) {
      sum -= visible[i] * hidden[j] * rbm.weights[i * rbm.hiddenSize + j];
    }
  }
  return sum;
}

/** F(v) = −b·v − Σ softplus(c + v·W), in nats, one number per row of `visible` (B, V). */
export function freeEnergy(rbm: Rbm, visible: Float32Array): Float64Array {
  const logits = hiddenLogits(rbm, visible);
  const batch = logits.length / rbm.hiddenSize;
  const out = new Float64Array(batch);
  for (let row = 0; row < batch; row++) {
    out[row] = -dotRow(visible, rbm.visibleBias, row);
    for (let j = 0; j < rbm.hiddenSize; j++) out[row] -= softplus(logits[row * rbm.hiddenSize + j]);
  }
  return out;
}

/**
 * F(v, y) = −b·v − d_y − Σ softplus(c + v·W + U_y) for every label y: exact, since only one of L
 * label states can be on. In nats, shape (B, L).
 */
export function labelFreeEnergies(rbm: LabelRbm, visible: Float32Array): Float64Array {
  const { hiddenSize, labelSize } = rbm;
  const logits = hiddenLogits(rbm, visible);
  const batch = logits.length / hiddenSize;
  const out = new Float64Array(batch * labelSize);
  for (let row = 0; row < batch; row++) {
    const visibleTerm = dotRow(visible, rbm.visibleBias, row);
    for (let label = 0; label < labelSize; label++) {
      let sum = visibleTerm + rbm.labelBias[label];
      for (let j = 0; j < hiddenSize; j++) {
        sum += softplus(logits[row * hiddenSize + j] + rbm.labelWeights[label * hiddenSize + j]);
      }
      out[row * labelSize + label] = -sum;
    }
  }
  return out;
}

/** p(y|v) = softmax(−F(v, y)), shape (B, L). */
export function labelPosterior(freeEnergies: Float64Array, labelSize: number): Float32Array {
  const out = new Float32Array(freeEnergies.length);
  for (let offset = 0; offset < out.length; offset += labelSize) {
    const negative = freeEnergies.subarray(offset, offset + labelSize).map((f) => -f);
    const logZ = logSumExp(negative);
    for (let i = 0; i < labelSize; i++) out[offset + i] = Math.exp(negative[i] - logZ);
  }
  return out;
}

/** The largest layer that {@linkcode logPartition} enumerates: 2^20 states. */
export const MAX_ENUMERATED_UNITS = 20;

/**
 * log Z by enumerating every state of the smaller layer: log Σ_v e^−F(v), or the same over h.
 * @throws {RangeError} if both layers have more than {@linkcode MAX_ENUMERATED_UNITS} units.
 */
export function logPartition(rbm: Rbm): number {
  if (rbm.hiddenSize < rbm.visibleSize) return logPartitionByHidden(rbm, () => 0);
  return logSumExp(freeEnergy(rbm, enumerateStates(rbm.visibleSize)).map((f) => -f));
}

/** log Z of an RBM with labels: log Σ_v Σ_y e^−F(v, y), or the same over h. */
export function logPartitionWithLabels(rbm: LabelRbm): number {
  const { labelSize, labelWeights, labelBias, hiddenSize, visibleSize } = rbm;
  if (hiddenSize < visibleSize) {
    const scores = new Float64Array(labelSize);
    return logPartitionByHidden(
      rbm,
      (h) => logSumExp(scores.map((_, y) => labelBias[y] + rowTimes(labelWeights, h, y))),
    );
  }
  return logSumExp(labelFreeEnergies(rbm, enumerateStates(rbm.visibleSize)).map((f) => -f));
}

/** log Σ_h e^(c·h + more(h)) · Π_i (1 + e^(b_i + W_i·h)). */
function logPartitionByHidden(rbm: Rbm, more: (h: Float32Array) => number): number {
  const { visibleSize, hiddenSize, weights, visibleBias, hiddenBias } = rbm;
  const states = enumerateStates(hiddenSize);
  const terms = new Float64Array(states.length / hiddenSize);
  for (let row = 0; row < terms.length; row++) {
    const h = states.subarray(row * hiddenSize, (row + 1) * hiddenSize);
    terms[row] = more(h) + rowTimes(hiddenBias, h, 0);
    for (let i = 0; i < visibleSize; i++) {
      terms[row] += softplus(visibleBias[i] + rowTimes(weights, h, i));
    }
  }
  return logSumExp(terms);
}

/** Row `i` of a table (·, H) times h. */
function rowTimes(table: Float32Array, h: Float32Array, i: number): number {
  let sum = 0;
  for (let j = 0; j < h.length; j++) sum += h[j] * table[i * h.length + j];
  return sum;
}

/** Every binary vector of `units` bits, shape (2^units, units); bit i of the row's number is unit i. */
export function enumerateStates(units: number): Float32Array {
  if (!Number.isInteger(units) || units < 1 || units > MAX_ENUMERATED_UNITS) {
    throw new RangeError(
      `Cannot enumerate states: units must be an integer in [1, ${MAX_ENUMERATED_UNITS}], got ${units}`,
    );
  }
  const rows = 2 ** units;
  const out = new Float32Array(rows * units);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < units; i++) out[row * units + i] = (row >>> i) & 1;
  }
  return out;
}

function dotRow(rows: Float32Array, vector: Float32Array, row: number): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += rows[row * vector.length + i] * vector[i];
  return sum;
}
