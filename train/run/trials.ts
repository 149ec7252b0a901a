/**
 * One experiment on one small network: every optimizer at each of its learning rates, and every initializer
 * with every activation.
 * @module
 */
import { type HiddenActivation, hiddenActivations } from "../../src/model/dbn.ts";
import { checkExamples } from "../data/check.ts";
import { type Examples, gather } from "../data/examples.ts";
import { shuffled } from "../data/order.ts";
import { classifierMetrics } from "../measure/monitor.ts";
import { presets } from "../recipes/presets.ts";
import type { FineTuningRecipe } from "../recipes/recipe.ts";
import { fineTuningOptimizers, type Initializer, initializers } from "../recipes/schema/choices.ts";
import { createClassifierTrainer } from "../trainers/create.ts";
import { initialNetwork } from "../trainers/initializers.ts";

/** Units of each layer, image first. */
const SIZES = [784, 256, 128, 10];

/** Learning rates to try, spaced by about 3; the best by held-out error is reported. */
export const learningRates: Record<FineTuningRecipe["optimizer"], readonly number[]> = {
  sgd: [0.1, 0.3, 1],
  momentum: [0.03, 0.1, 0.3],
  nesterov: [0.03, 0.1, 0.3],
  adagrad: [0.003, 0.01, 0.03],
  rmsprop: [0.0003, 0.001, 0.003],
  adadelta: [0.3, 1, 3],
  adam: [0.0003, 0.001, 0.003],
  conjugate_gradient: [1], // its line searches find the step
};

/** Cases of a batch of conjugate gradients; Hinton and Salakhutdinov (2006). */
const LARGE_BATCH = 1000;

/** One network's training. */
export interface Trial {
  name: string;
  optimizer: FineTuningRecipe["optimizer"];
  initializer: Initializer;
  activation: HiddenActivation;
  learningRate: number;
  seconds: number;
  /** Held-out error in percent and loss in nats after each epoch. */
  errors: number[];
  losses: number[];
}

/** What all trials share: the fields that none of them changes, and the others' usual values. */
export const plainRecipe: FineTuningRecipe = {
  ...presets.plain.fineTuning,
  initializer: "glorot_uniform",
  activation: "relu",
  schedule: "constant",
  dropout: 0,
  inputDropout: 0,
};

/** Training and held-out images. */
export interface TrialData {
  train: Examples;
  validation: Examples;
}

/** How long each network is trained, and who hears of it. */
export interface TrialOptions {
  epochs: number;
  /** What every random number depends on. */
  seed: number;
  onTrial?(trial: Trial): void;
}

/**
 * Trains with each optimizer, then with each initializer.
 * @throws {RangeError} if a value of the data is out of bounds, or a network diverges, naming it.
 */
export async function runTrials(
  data: TrialData,
  { epochs, seed, onTrial }: TrialOptions,
): Promise<{ optimizers: Trial[]; initializers: Trial[] }> {
  const bounds = { gaussian: false, classes: SIZES[SIZES.length - 1] };
  checkExamples(data.train, { ...bounds, name: "train" });
  checkExamples(data.validation, { ...bounds, name: "validation" });
  const run = async (changes: Partial<FineTuningRecipe>, name: string) => {
    const trial = await train({ ...plainRecipe, epochs, ...changes }, name, data, seed);
    onTrial?.(trial);
    return trial;
  };
  const trials: Record<"optimizers" | "initializers", Trial[]> = {
    optimizers: [],
    initializers: [],
  };
  for (const optimizer of fineTuningOptimizers) {
    const batchSize = optimizer === "conjugate_gradient" ? LARGE_BATCH : plainRecipe.batchSize;
    for (const learningRate of learningRates[optimizer]) {
      const changes = { optimizer, learningRate, batchSize };
      trials.optimizers.push(await run(changes, `${optimizer} ${learningRate}`));
    }
  }
  for (const initializer of initializers) {
    if (initializer === "pretrained") continue; // a matter of DBNs: see the results page
    for (const activation of hiddenActivations) {
      const changes = { initializer, activation };
      trials.initializers.push(await run(changes, `${initializer}, ${activation}`));
    }
  }
  return trials;
}

async function train(
  recipe: FineTuningRecipe,
  name: string,
  { train, validation }: TrialData,
  seed: number,
): Promise<Trial> {
  const { optimizer, initializer, activation, learningRate, batchSize } = recipe;
  const start = initialNetwork(SIZES, initializer as Exclude<Initializer, "pretrained">, seed);
  const trainer = await createClassifierTrainer("simd", start, {
    recipe,
    seed,
    stage: 0,
    batchSize,
  });
  const errors: number[] = [], losses: number[] = [], batches = Math.ceil(train.count / batchSize);
  let seconds = 0;
  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    const order = shuffled(train.count, seed, epoch), started = performance.now();
    for (let i = 0; i < batches; i++) {
      const indices = order.subarray(i * batchSize, (i + 1) * batchSize);
      const position = { epoch, step: epoch * batches + i, batchesPerEpoch: batches };
      trainer.step(gather(train, indices), position);
    }
    seconds += (performance.now() - started) / 1000;
    const metrics = classifierMetrics(trainer, validation);
    errors.push(metrics.val_error_percent);
    losses.push(metrics.val_loss);
  }
  trainer.dispose();
  return { name, optimizer, initializer, activation, learningRate, seconds, errors, losses };
}
