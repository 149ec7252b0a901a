/**
 * What is measured after an epoch: the free-energy gap between training and held-out cases (Hinton
 * 2012, §6), and the error on the held-out ones.
 * @module
 */
import { argmaxRows, logSumExp } from "../src/math/activations.ts";
import type { LabelRbm, Rbm } from "../src/model/rbm.ts";
import { createSimdEngine } from "../src/engine/simd.ts";
import type { Dbn } from "../src/model/dbn.ts";
import { tf } from "../src/engine/tfjs_backend.ts";
import type { ClassifierTrainer } from "./classifier_trainer.ts";
import { type Examples, readRows } from "./examples.ts";
import type { Metrics } from "./trainer.ts";

// B batch, V visible, H hidden, L labels

/** Cases of each set that a measurement after an epoch looks at. */
const MONITORED_CASES = 5000;
const ROWS = 500;

/**
 * Mean free energies in nats of training cases and, if there are any, of held-out ones and the gap
 * between them; with labels the classification error too, in percent.
 */
export async function rbmMetrics(
  rbm: Rbm | LabelRbm,
  train: Examples,
  validation?: Examples,
): Promise<Metrics> {
  const metrics: Metrics = { free_energy: meanFreeEnergy(rbm, train) };
  if (validation) {
    metrics.val_free_energy = meanFreeEnergy(rbm, validation);
    metrics.free_energy_gap = metrics.val_free_energy - metrics.free_energy;
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
  const engine = createSimdEngine({ dbn, classifier: [] });
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

/** Mean of F(v) over the first cases; of F(v, y) with each case's own label for a label RBM. */
function meanFreeEnergy(rbm: Rbm | LabelRbm, examples: Examples): number {
  const count = Math.min(examples.count, MONITORED_CASES);
  let sum = 0;
  tf.tidy(() => {
    const weights = tf.tensor2d(rbm.weights, [rbm.visibleSize, rbm.hiddenSize]);
    const visibleBias = tf.tensor2d(rbm.visibleBias, [rbm.visibleSize, 1]);
    const hiddenBias = tf.tensor1d(rbm.hiddenBias);
    for (let first = 0; first < count; first += ROWS) {
      const rows = Math.min(ROWS, count - first);
      sum -= tf.tidy(() => {
        const v = tf.tensor2d(readRows(examples, first, rows), [rows, rbm.visibleSize]);
        let logits = tf.add(tf.matMul(v, weights), hiddenBias);
        if ("labelSize" in rbm) logits = tf.add(logits, labelRows(rbm, examples, first, rows));
        return tf.add(tf.sum(tf.softplus(logits)), tf.sum(tf.matMul(v, visibleBias)));
      }).dataSync()[0];
    }
  });
  if (!("labelSize" in rbm)) return sum / count;
  let labelTerm = 0;
  for (let i = 0; i < count; i++) labelTerm += rbm.labelBias[examples.labels[i]];
  return (sum - labelTerm) / count;
}

/** U_y of each case, (B, H). */
function labelRows(rbm: LabelRbm, { labels }: Examples, first: number, rows: number): tf.Tensor {
  const chosen = tf.tensor1d(labels.slice(first, first + rows), "int32");
  const oneHot = tf.cast(tf.oneHot(chosen, rbm.labelSize), "float32") as tf.Tensor2D;
  return tf.matMul(oneHot, tf.tensor2d(rbm.labelWeights, [rbm.labelSize, rbm.hiddenSize]));
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
