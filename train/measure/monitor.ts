/**
 * What is measured after an epoch: the free-energy gap between training and held-out cases (Hinton
 * 2012, §6), the pseudo-likelihood, for small RBMs the exact likelihood, and errors.
 * @module
 */
import { argmaxRows, logSumExp, softplus } from "../../src/math/activations.ts";
import { fillUniform } from "../../src/math/random.ts";
import { streamOf, streams } from "../../src/math/streams.ts";
import {
  type LabelRbm,
  logPartition,
  logPartitionWithLabels,
  type Rbm,
} from "../../src/model/rbm.ts";
import { createSimdJointModel } from "../../src/engine/simd/simd.ts";
import type { Dbn } from "../../src/model/dbn.ts";
import type { ClassifierTrainer } from "../trainers/classifier_trainer.ts";
import { type Examples, readRows } from "../data/examples.ts";
import { freeEnergies } from "./free_energy.ts";
import type { Metrics } from "../trainers/trainer.ts";

// B batch, V visible, H hidden, L labels

/** Cases of each set that a measurement after an epoch looks at. */
const MONITORED_CASES = 5000;
const ROWS = 500;

/** Units of the smaller layer up to which log Z is enumerated after every epoch. */
const EXACT_UNITS = 12;

/** What an RBM is besides its parameters. */
export interface RbmKind {
  /** Whether its visible units are Gaussian with variance 1. */
  gaussian: boolean;
  /** Key of the pixels that the pseudo-likelihood flips. */
  seed: number;
  epoch: number;
}

/**
 * Means in nats over training cases and, where there are any, over held-out ones: free energy, with
 * the gap between the two; of binary units the log-pseudo-likelihood, and of small RBMs the exact
 * log-likelihood; with labels the classification error too, in percent.
 */
export async function rbmMetrics(
  rbm: Rbm | LabelRbm,
  train: Examples,
  validation: Examples | undefined,
  kind: RbmKind,
): Promise<Metrics> {
  const metrics: Metrics = { free_energy: await meanFreeEnergy(rbm, train, kind) };
  if (validation) {
    metrics.val_free_energy = await meanFreeEnergy(rbm, validation, kind);
    metrics.free_energy_gap = metrics.val_free_energy - metrics.free_energy;
  }
  if (!kind.gaussian) {
    metrics.pseudo_log_likelihood = await pseudoLogLikelihood(rbm, train, kind);
    if (Math.min(rbm.visibleSize, rbm.hiddenSize) <= EXACT_UNITS) {
      const logZ = "labelSize" in rbm ? logPartitionWithLabels(rbm) : logPartition(rbm);
      metrics.log_likelihood = -metrics.free_energy - logZ;
      if (validation) metrics.val_log_likelihood = -metrics.val_free_energy - logZ;
    }
  }
  if ("labelSize" in rbm) {
    const dbn = { stack: [], top: rbm, penultimateMean: new Float32Array(rbm.visibleSize) };
    Object.assign(metrics, await jointMetrics(dbn, train, validation));
  }
  return metrics;
}

/** Error of the joint model on training and held-out cases, in percent. */
export async function jointMetrics(
  dbn: Dbn,
  train: Examples,
  validation?: Examples,
): Promise<Metrics> {
  const engine = createSimdJointModel(dbn);
  const percent = (examples: Examples) =>
    errorPercent(
      examples,
      Math.min(examples.count, MONITORED_CASES),
      dbn.top.labelSize,
      async (rows) => (await engine.jointPosterior(rows)).probabilities,
    );
  const metrics: Metrics = { error_percent: await percent(train) };
  if (validation) metrics.val_error_percent = await percent(validation);
  engine.dispose();
  return metrics;
}

/** Error and loss of a classifier on held-out cases, without dropout. */
export function classifierMetrics(
  trainer: Pick<ClassifierTrainer, "scores">,
  validation?: Examples,
): Metrics {
  if (!validation) return {};
  let wrong = 0, loss = 0;
  for (let first = 0; first < validation.count; first += ROWS) {
    const rows = Math.min(ROWS, validation.count - first);
    const values = trainer.scores(readRows(validation, first, rows)),
      labelSize = values.length / rows;
    argmaxRows(values, labelSize).forEach((read, row) => {
      const label = validation.labels[first + row];
      wrong += read === label ? 0 : 1;
      loss += logSumExp(values, row * labelSize, labelSize) - values[row * labelSize + label];
    });
  }
  const { count } = validation;
  return { val_error_percent: 100 * wrong / count, val_loss: loss / count };
}

/**
 * V·log p(v_i | the others) with one unit i drawn for each case: log σ(F(v with i flipped) − F(v)), its
 * mean over the first cases. Grey values count as on from 0.5. Besag (1975); Tieleman (2008).
 */
async function pseudoLogLikelihood(
  rbm: Rbm | LabelRbm,
  examples: Examples,
  kind: RbmKind,
): Promise<number> {
  const count = Math.min(examples.count, MONITORED_CASES), uniform = new Float32Array(count);
  const { seed, epoch: step } = kind, size = examples.size;
  fillUniform(uniform, { seed, chain: 0, step, layer: streamOf(streams.pseudoLikelihood) });
  const rows = readRows(examples, 0, count).map((x) => x >= 0.5 ? 1 : 0);
  const flipped = rows.slice();
  for (let row = 0; row < count; row++) {
    const at = row * size + Math.floor(uniform[row] * size);
    flipped[at] = 1 - flipped[at];
  }
  const labels = examples.labels.subarray(0, count);
  const own = await freeEnergies(rbm, rows, labels, kind);
  const other = await freeEnergies(rbm, flipped, labels, kind);
  let sum = 0;
  for (let row = 0; row < count; row++) sum -= softplus(own[row] - other[row]);
  return size * sum / count;
}

/** Mean of F(v) over the first cases; of F(v, y) with each case's own label for a label RBM. */
async function meanFreeEnergy(
  rbm: Rbm | LabelRbm,
  examples: Examples,
  kind: RbmKind,
): Promise<number> {
  const count = Math.min(examples.count, MONITORED_CASES);
  const rows = readRows(examples, 0, count), labels = examples.labels.subarray(0, count);
  return (await freeEnergies(rbm, rows, labels, kind)).reduce((a, b) => a + b) / count;
}

async function errorPercent(
  examples: Examples,
  count: number,
  labelSize: number,
  predict: (rows: Float32Array) => Promise<Float32Array>,
): Promise<number> {
  let wrong = 0;
  for (let first = 0; first < count; first += ROWS) {
    const rows = Math.min(ROWS, count - first);
    const labels = argmaxRows(await predict(readRows(examples, first, rows)), labelSize);
    labels.forEach((label, i) => wrong += label === examples.labels[first + i] ? 0 : 1);
  }
  return 100 * wrong / count;
}
