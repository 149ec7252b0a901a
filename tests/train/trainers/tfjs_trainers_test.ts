import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { tf } from "../../../src/engine/tfjs_backend.ts";
import { fillUniform, sampleBernoulli } from "../../../src/math/random.ts";
import {
  enumerateStates,
  freeEnergy,
  hiddenGivenVisible,
  hiddenGivenVisibleAndLabel,
  labelGivenHidden,
  logPartition,
  type Rbm,
  visibleGivenHidden,
} from "../../../src/model/rbm.ts";
import { classifierProbabilities } from "../../../src/model/dbn.ts";
import { unroll } from "../../../train/trainers/unroll.ts";
import { TfjsClassifierTrainer } from "../../../train/trainers/tfjs/classifier_trainer.ts";
import { openTrainingBackend } from "../../../train/trainers/tfjs/kernels.ts";
import { TfjsRbmTrainer } from "../../../train/trainers/tfjs/rbm_trainer.ts";
import { presets } from "../../../train/recipes/presets.ts";
import { tinyModel } from "../../model/tiny_model.ts";

await openTrainingBackend();

const V = 6, H = 5, L = 3, B = 4;
const recipe = { ...presets.plain.stack, epochs: 1, weightCost: 0.01, momentum: 0 };

function rbmTrainer(labelSize: number, changes = {}, sizes = { visibleSize: V, hiddenSize: H }) {
  return new TfjsRbmTrainer({
    ...sizes,
    labelSize,
    recipe: { ...recipe, ...changes },
    seed: 3,
    stage: 1,
    batchSize: 14,
    visibleMean: new Float64Array(sizes.visibleSize).fill(0.3),
  });
}

const inputs = Float32Array.from({ length: B * V }, (_, i) => ((i * 7) % 5) / 4);
const labels = Uint8Array.of(0, 2, 1, 2);
const position = { epoch: 0, step: 0, batchesPerEpoch: 10 };

/** The hidden sample that the trainer draws first, from the same counters. */
function firstSample(probabilities: Float32Array): Float32Array {
  const out = new Float32Array(probabilities.length), uniform = new Float32Array(H);
  for (let row = 0; row < B; row++) {
    fillUniform(uniform, { seed: 3, chain: row, step: 0, layer: 512 + 4096 });
    const at = row * H;
    sampleBernoulli(out.subarray(at, at + H), probabilities.subarray(at, at + H), uniform);
  }
  return out;
}

Deno.test("weights start as N(0, 0.01²) and visible biases as log-odds of the mean", () => {
  const trainer = rbmTrainer(0, {}, { visibleSize: 200, hiddenSize: 100 });
  const { weights, visibleBias, hiddenBias } = trainer.parameters();
  const variance = weights.reduce((sum, w) => sum + w * w, 0) / weights.length;
  assertAlmostEquals(Math.sqrt(variance), 0.01, 2e-4);
  visibleBias.forEach((b) => assertAlmostEquals(b, Math.log(0.3 / 0.7), 1e-6));
  assert(hiddenBias.every((c) => c === 0));
});

Deno.test("a CD-1 step is Hinton's rule in plain arithmetic", () => {
  const trainer = rbmTrainer(0);
  const before = trainer.parameters();
  const hidden = hiddenGivenVisible(before, inputs);
  const reconstruction = visibleGivenHidden(before, firstSample(hidden));
  const negative = hiddenGivenVisible(before, reconstruction);
  const { reconstruction_error: error } = trainer.step({ inputs, labels, size: B }, position);
  const after = trainer.parameters();
  let largest = 0;
  for (let i = 0; i < V; i++) {
    for (let j = 0; j < H; j++) {
      let gradient = 0;
      for (let row = 0; row < B; row++) {
        gradient += (inputs[row * V + i] * hidden[row * H + j] -
          reconstruction[row * V + i] * negative[row * H + j]) / B;
      }
      const w = before.weights[i * H + j];
      const expected = w + recipe.learningRate * (gradient - recipe.weightCost * w);
      largest = Math.max(largest, Math.abs(after.weights[i * H + j] - expected));
    }
  }
  for (let j = 0; j < H; j++) {
    let gradient = 0;
    for (let row = 0; row < B; row++) gradient += (hidden[row * H + j] - negative[row * H + j]) / B;
    largest = Math.max(largest, Math.abs(after.hiddenBias[j] - recipe.learningRate * gradient));
  }
  const squared = inputs.reduce((sum, v, i) => sum + (v - reconstruction[i]) ** 2, 0) / B;
  console.log(`largest difference ${largest.toExponential(1)}`);
  assert(largest < 1e-6);
  assertAlmostEquals(error, squared, 1e-5);
});

Deno.test("a CD-1 step with labels reconstructs them as a softmax group", () => {
  const trainer = rbmTrainer(L);
  const before = trainer.labelParameters();
  const oneHot = new Float32Array(B * L);
  labels.forEach((label, row) => oneHot[row * L + label] = 1);
  const hidden = hiddenGivenVisibleAndLabel(before, inputs, oneHot);
  const sample = firstSample(hidden);
  const visible = visibleGivenHidden(before, sample), soft = labelGivenHidden(before, sample);
  const negative = hiddenGivenVisibleAndLabel(before, visible, soft);
  trainer.step({ inputs, labels, size: B }, position);
  const after = trainer.labelParameters();
  for (let y = 0; y < L; y++) {
    let bias = 0;
    for (let row = 0; row < B; row++) bias += (oneHot[row * L + y] - soft[row * L + y]) / B;
    assertAlmostEquals(after.labelBias[y], recipe.learningRate * bias, 1e-6);
    for (let j = 0; j < H; j++) {
      let gradient = 0;
      for (let row = 0; row < B; row++) {
        gradient += (oneHot[row * L + y] * hidden[row * H + j] -
          soft[row * L + y] * negative[row * H + j]) / B;
      }
      const u = before.labelWeights[y * H + j];
      const expected = u + recipe.learningRate * (gradient - recipe.weightCost * u);
      assertAlmostEquals(after.labelWeights[y * H + j], expected, 1e-6);
    }
  }
});

/** Mean exact log-likelihood of the rows of `data` under a small RBM, in nats. */
function logLikelihood(rbm: Rbm, data: Float32Array): number {
  const free = freeEnergy(rbm, data);
  return -free.reduce((a, b) => a + b) / free.length - logPartition(rbm);
}

for (
  const [method, changes] of [
    ["CD-1", { epochs: 1 }],
    ["CD-5", { epochs: 1, k: 5 }],
    ["PCD", { epochs: 0, persistentEpochs: 1 }],
  ] as const
) {
  Deno.test(`${method} raises the exact log-likelihood of bars and stripes`, () => {
    // 3 × 3 bars and stripes: 14 images; MacKay (2003), ch. 43.
    const images = enumerateStates(9), rows: number[][] = [];
    for (let i = 0; i < 512; i++) {
      const image = [...images.slice(9 * i, 9 * i + 9)];
      const bars = [0, 1, 2].every((r) =>
        image[3 * r] === image[3 * r + 1] && image[3 * r] === image[3 * r + 2]
      );
      const stripes = [0, 1, 2].every((c) =>
        image[c] === image[c + 3] && image[c] === image[c + 6]
      );
      if (bars || stripes) rows.push(image);
    }
    assertEquals(rows.length, 14);
    const data = Float32Array.from(rows.flat());
    const trainer = new TfjsRbmTrainer({
      visibleSize: 9,
      hiddenSize: 16,
      labelSize: 0,
      recipe: { ...presets.plain.stack, momentum: 0.5, weightCost: 0, ...changes },
      seed: 5,
      stage: 0,
      batchSize: 14,
      visibleMean: new Float64Array(9).fill(0.5),
    });
    const before = logLikelihood(trainer.parameters(), data);
    const steps = 4000;
    for (let step = 0; step < steps; step++) {
      trainer.step({ inputs: data, labels: new Uint8Array(14), size: 14 }, {
        epoch: 0,
        step,
        batchesPerEpoch: steps,
      });
    }
    const after = logLikelihood(trainer.parameters(), data);
    console.log(
      `log-likelihood ${before.toFixed(2)} → ${after.toFixed(2)}, at most ${
        (-Math.log(14)).toFixed(2)
      }`,
    );
    assert(after > -4.4 && after < -Math.log(14) + 1e-6);
    trainer.dispose();
  });
}

Deno.test("PCD keeps its particles: two steps and a reload equal two steps", () => {
  const changes = { epochs: 0, persistentEpochs: 1 };
  const [a, b] = [rbmTrainer(L, changes), rbmTrainer(L, changes)];
  const batch = { inputs, labels, size: B };
  a.step(batch, position);
  b.load(a.state());
  a.step(batch, { ...position, step: 1 });
  b.step(batch, { ...position, step: 1 });
  assertEquals(b.state(), a.state());
});

Deno.test("a step leaves no tensor behind", () => {
  const trainer = rbmTrainer(L, { epochs: 1, persistentEpochs: 1, k: 2 });
  const batch = { inputs, labels, size: B };
  for (const epoch of [0, 1]) {
    trainer.step(batch, { ...position, epoch });
    const before = tf.memory().numTensors;
    trainer.step(batch, { ...position, epoch, step: 1 });
    assertEquals(tf.memory().numTensors, before);
  }
  trainer.dispose();
});

const small = tinyModel({ height: 2, width: 3, hidden: [5, 4], top: 6, labels: 3, scale: 0.5 });
const batch = { inputs, labels, size: B };

for (const dropout of [0, 0.4]) {
  Deno.test(`backpropagation agrees with finite differences, dropout ${dropout}`, () => {
    const trainer = new TfjsClassifierTrainer(small.classifier, {
      recipe: { ...presets.plain.fineTuning, dropout, inputDropout: dropout / 2 },
      seed: 1,
      stage: 2,
      batchSize: B,
    });
    const lossAt = (parameter: number, index: number, change: number) => {
      const shifted = structuredClone(small.classifier);
      const { kernel, bias } = shifted[parameter >> 1];
      (parameter % 2 === 0 ? kernel : bias)[index] += change;
      const other = new TfjsClassifierTrainer(shifted, {
        recipe: { ...presets.plain.fineTuning, dropout, inputDropout: dropout / 2 },
        seed: 1,
        stage: 2,
        batchSize: B,
      });
      const { loss } = tf.tidy(() => ({ loss: other.lossAndGradients(batch, position).loss }));
      other.dispose();
      return loss;
    };
    const gradients = trainer.lossAndGradients(batch, position).gradients.map((g) => g.dataSync());
    let largest = 0;
    gradients.forEach((gradient, parameter) => {
      for (const index of [0, Math.floor(gradient.length / 2), gradient.length - 1]) {
        const h = 0.01;
        const slope = (lossAt(parameter, index, h) - lossAt(parameter, index, -h)) / (2 * h);
        largest = Math.max(largest, Math.abs(slope - gradient[index]));
      }
    });
    console.log(`largest difference ${largest.toExponential(1)}`);
    assert(largest < 2e-4);
  });
}

Deno.test("fine-tuning fits its training cases", () => {
  const trainer = new TfjsClassifierTrainer(unroll(small.dbn), {
    recipe: {
      ...presets.plain.fineTuning,
      epochs: 1,
      learningRate: 0.05,
      dropout: 0,
      inputDropout: 0,
    },
    seed: 1,
    stage: 2,
    batchSize: B,
  });
  for (let step = 0; step < 300; step++) {
    trainer.step(batch, { epoch: 0, step, batchesPerEpoch: 300 });
  }
  const probabilities = classifierProbabilities(trainer.parameters(), inputs);
  labels.forEach((label, row) => assert(probabilities[row * L + label] > 0.9));
});
