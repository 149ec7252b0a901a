/**
 * Whether a recipe can be trained, told before anything is: ranges, choices, and what goes with what.
 * @module
 */
import type { AugmentationOptions } from "../../src/data/augment.ts";
import { adversarialCases, adversarialNorms } from "../../src/kernels/training/network.ts";
import { checkSeed } from "../../src/math/random.ts";
import { hiddenActivations } from "../../src/model/dbn.ts";
import { checkName, MAX_LAYER_UNITS } from "../../src/format/weights.ts";
import { initializers } from "./choices.ts";
import {
  fineTuningOptimizers,
  type FineTuningRecipe,
  rbmInitializers,
  type RbmRecipe,
  type Recipe,
  stackRecipe,
  trainingBackends,
  type UpDownRecipe,
} from "./recipe.ts";
import { rateSchedules } from "./choices.ts";

type NumericField<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

/** Ranges of every number of a recipe: [lowest, highest], both allowed. */
const rbmBounds: Record<NumericField<RbmRecipe>, [number, number]> = {
  epochs: [0, 10_000],
  k: [1, 1000],
  learningRate: [0, 10],
  momentum: [0, 0.9999],
  finalMomentum: [0, 0.9999],
  momentumSwitchEpoch: [0, 10_000],
  weightCost: [0, 1],
  persistentEpochs: [0, 10_000],
  persistentLearningRate: [0, 10],
  l1: [0, 1],
  dropout: [0, 0.95],
  sparsityCost: [0, 10],
  sparsityTarget: [0, 1],
  centring: [0, 1],
  fastLearningRate: [0, 10],
  fastDecay: [0, 1],
  temperatures: [1, 100],
  lowestBeta: [0, 0.999], // at 1 a replica would count as a chain of its own
  chains: [0, 10_000],
};

const upDownBounds: Record<NumericField<UpDownRecipe>, [number, number]> = {
  epochs: [0, 10_000],
  batchSize: [1, 10_000],
  learningRate: [0, 10],
  recognitionLearningRate: [0, 10],
  topLearningRate: [0, 10],
  discriminativeLearningRate: [0, 10],
  momentum: [0, 0.9999],
  k: [1, 1000],
  weightCost: [0, 1],
};

const fineTuningBounds: Record<NumericField<FineTuningRecipe>, [number, number]> = {
  epochs: [0, 10_000],
  batchSize: [1, 10_000],
  learningRate: [0, 1000],
  momentum: [0, 0.9999],
  rho: [0, 0.999999],
  beta1: [0, 0.999999],
  beta2: [0, 0.999999],
  epsilon: [1e-12, 1],
  dropout: [0, 0.95],
  inputDropout: [0, 0.95],
  l1: [0, 1],
  l2: [0, 1],
  maxNorm: [0, 1000],
  adversarialEpsilon: [0, 100],
  noise: [0, 10],
  inputNoise: [0, 10],
  patience: [0, 10_000],
};

const augmentationBounds: Record<keyof AugmentationOptions, [number, number]> = {
  shift: [0, 14],
  rotation: [0, 180],
  scaling: [0, 0.9],
  shear: [0, 1],
  elasticAlpha: [0, 1000],
  elasticSigma: [0.5, 30],
};

const integerFields = new Set([
  ...["epochs", "k", "momentumSwitchEpoch", "persistentEpochs", "patience", "batchSize"],
  ...["temperatures", "chains"],
]);

/** @throws {RangeError} naming the field, its bound and its value. */
export function checkRecipe(recipe: Recipe): Recipe {
  const rbms = [
    ["stack", recipe.stack],
    ["upperStack", stackRecipe(recipe, 1)],
    ["topRbm", recipe.topRbm],
  ] as const;
  for (const [group, rbm] of rbms) checkRbm(group, rbm);
  checkFields("fineTuning", recipe.fineTuning, fineTuningBounds);
  checkFields("fineTuning.augmentation", recipe.fineTuning.augmentation, augmentationBounds);
  checkChoice("fineTuning.initializer", recipe.fineTuning.initializer, initializers);
  checkChoice("fineTuning.activation", recipe.fineTuning.activation, hiddenActivations);
  checkChoice("fineTuning.optimizer", recipe.fineTuning.optimizer, fineTuningOptimizers);
  checkChoice("fineTuning.schedule", recipe.fineTuning.schedule, rateSchedules);
  checkChoice("fineTuning.adversarialNorm", recipe.fineTuning.adversarialNorm, adversarialNorms);
  checkChoice("fineTuning.adversarialCases", recipe.fineTuning.adversarialCases, adversarialCases);
  checkNormalization(recipe.fineTuning);
  checkChoice("backend", recipe.backend, trainingBackends);
  checkSchedules("upDown", recipe.upDown);
  checkFields("upDown", recipe.upDown, upDownBounds);
  checkChoice("upDown.recognition", recipe.upDown.recognition, ["greedy", "classifier"]);
  if (recipe.upDown.epochs > 0 && recipe.upDown.recognition === "classifier") {
    checkRecognition(recipe.fineTuning);
  }
  if (recipe.upDown.epochs > 0 && recipe.backend === "tfjs") {
    throw new RangeError("Cannot train: upDown needs the backend simd, got tfjs");
  }
  const { stack, topRbm } = recipe;
  if (topRbm.visible === "gaussian") {
    throw new RangeError("Cannot train: topRbm.visible must be bernoulli, got gaussian");
  }
  if (recipe.upperStack.visible === "gaussian") {
    throw new RangeError("Cannot train: upperStack.visible must be bernoulli, got gaussian");
  }
  if (stack.initializer === "transposed") {
    throw new RangeError(
      "Cannot train: stack.initializer must be normal, got transposed: there is no RBM below the first; set upperStack.initializer",
    );
  }
  if (stack.visible === "gaussian") {
    if (stackRecipe(recipe, 1).initializer === "transposed") {
      throw new RangeError(
        "Cannot train: upperStack.initializer transposed needs stack.visible bernoulli, got gaussian",
      );
    }
    if (recipe.top > 0) {
      throw new RangeError(
        "Cannot train: a model's pixels are binary units; stack.visible gaussian needs top 0, which trains the stack alone",
      );
    }
    const { persistentEpochs, reconstruction, inputs, k, kSchedule } = stack;
    if (
      persistentEpochs > 0 || reconstruction !== "mean" || inputs !== "value" || k > 1 ||
      kSchedule.length > 0
    ) {
      throw new RangeError(
        "Cannot train: stack.visible gaussian needs persistentEpochs 0, reconstruction mean, inputs value, k 1 and no kSchedule",
      );
    }
  }
  if (!recipe.pretraining && recipe.fineTuning.initializer === "pretrained") {
    throw new RangeError(
      `Cannot train: without pretraining, fineTuning.initializer must be one of ${
        initializers.slice(1).join(", ")
      }, got "pretrained"`,
    );
  }
  if (!recipe.pretraining && recipe.top < 1) {
    throw new RangeError(
      `Cannot train: without pretraining, top must be at least 1, got ${recipe.top}`,
    );
  }
  if (recipe.fineTuning.optimizer === "conjugate_gradient") {
    checkConjugateGradient(recipe.fineTuning);
  }
  if (recipe.backend === "tfjs") {
    for (const [, rbm] of rbms) checkTfjsRbm(rbm);
    checkTfjsClassifier(recipe.fineTuning);
  }
  if (recipe.fineTuning.patience > 0 && recipe.validation === "") {
    throw new RangeError("Cannot train: fineTuning.patience needs held-out cases in validation");
  }
  checkName(recipe.name);
  checkNumber("batchSize", recipe.batchSize, 1, 10_000, true);
  checkNumber("divisor", recipe.divisor, 1e-6, 1e6, false);
  checkSeed(recipe.seed);
  if (recipe.hidden.length < 1 || recipe.hidden.length > 8) {
    throw new RangeError(
      `Cannot train: hidden must name 1 to 8 layers, got ${recipe.hidden.length}`,
    );
  }
  recipe.hidden.forEach((size, i) => checkNumber(`hidden[${i}]`, size, 1, MAX_LAYER_UNITS, true));
  checkNumber("top", recipe.top, 0, MAX_LAYER_UNITS, true);
  return recipe;
}

/** An RBM's fields, one by one. */
function checkRbm(group: string, rbm: RbmRecipe): void {
  checkFields(group, rbm, rbmBounds);
  checkChoice(`${group}.inputs`, rbm.inputs, ["value", "sample"]);
  checkChoice(`${group}.reconstruction`, rbm.reconstruction, ["mean", "sample"]);
  checkChoice(`${group}.visible`, rbm.visible, ["bernoulli", "gaussian"]);
  checkChoice(`${group}.initializer`, rbm.initializer, rbmInitializers);
  checkSchedules(group, rbm);
}

function checkSchedules(group: string, { schedule, kSchedule }: RbmRecipe | UpDownRecipe): void {
  checkChoice(`${group}.schedule`, schedule, rateSchedules);
  kSchedule.forEach((entry, i) => {
    const { epoch, k } = entry ?? {};
    checkNumber(`${group}.kSchedule[${i}].epoch`, epoch, 0, 10_000, true);
    checkNumber(`${group}.kSchedule[${i}].k`, k, 1, 1000, true);
  });
}

function checkFields(group: string, fields: object, bounds: Record<string, [number, number]>) {
  for (const [name, [min, max]] of Object.entries(bounds)) {
    const value = (fields as Record<string, number>)[name];
    checkNumber(`${group}.${name}`, value, min, max, integerFields.has(name));
  }
}

function checkChoice(name: string, value: string, choices: readonly string[]) {
  if (choices.includes(value)) return;
  const given = JSON.stringify(value);
  throw new RangeError(`Cannot train: ${name} must be one of ${choices.join(", ")}, got ${given}`);
}

function checkNumber(name: string, value: number, min: number, max: number, integer: boolean) {
  const ok = integer ? Number.isInteger(value) : Number.isFinite(value);
  if (ok && value >= min && value <= max) return;
  const kind = integer ? "an integer" : "a number";
  throw new RangeError(`Cannot train: ${name} must be ${kind} in [${min}, ${max}], got ${value}`);
}

/** @throws {RangeError} if a classifier's units would not be like those of the DBN that it came from. */
function checkRecognition({ initializer, activation, batchNormalization }: FineTuningRecipe): void {
  if (initializer !== "pretrained" || activation !== "sigmoid") {
    throw new RangeError(
      "Cannot train: upDown.recognition classifier needs fineTuning.initializer pretrained and activation sigmoid",
    );
  }
  if (batchNormalization) {
    throw new RangeError(
      "Cannot train: upDown.recognition classifier needs units like the DBN's; set fineTuning.batchNormalization to false",
    );
  }
}

/** @throws {RangeError} if fields of fine-tuning do not go together. */
function checkNormalization(recipe: FineTuningRecipe): void {
  const { adversarialNorm, adversarialEpsilon, batchNormalization, batchSize, noise } = recipe;
  if (adversarialNorm === "max" && adversarialEpsilon > 1) {
    throw new RangeError(
      `Cannot train: fineTuning.adversarialEpsilon must be a number in [0, 1] of a pixel's range, got ${adversarialEpsilon}`,
    );
  }
  if (noise > 0 && !batchNormalization) {
    throw new RangeError(
      `Cannot train: fineTuning.noise is on normalized sums; set fineTuning.batchNormalization, or noise to 0, got ${noise}`,
    );
  }
  if (batchNormalization && batchSize < 2) {
    throw new RangeError(
      `Cannot train: fineTuning.batchNormalization needs a batchSize of at least 2, got ${batchSize}`,
    );
  }
}

/** @throws {RangeError} naming what this backend does not have. */
export function checkTfjsRbm(recipe: RbmRecipe): void {
  const { schedule, kSchedule, temperatures, visible } = recipe;
  const numbers = [
    "l1",
    "dropout",
    "sparsityCost",
    "centring",
    "fastLearningRate",
    "chains",
  ] as const;
  const wanted = numbers.find((name) => recipe[name] !== 0) ??
    (schedule !== "constant" ? "schedule" : undefined) ??
    (kSchedule.length > 0 ? "kSchedule" : undefined) ??
    (temperatures > 1 ? "temperatures" : undefined) ??
    (visible !== "bernoulli" ? "visible gaussian" : undefined);
  if (wanted) {
    throw new RangeError(
      `Cannot train: ${wanted} needs the backend simd; tfjs has CD-k and PCD with momentum and L2`,
    );
  }
}

/** @throws {RangeError} naming what this backend does not have. */
export function checkTfjsClassifier(recipe: FineTuningRecipe): void {
  const { optimizer, activation, l1, l2, maxNorm, adversarialEpsilon } = recipe;
  const { batchNormalization, inputNoise } = recipe;
  const wanted = optimizer !== "adam"
    ? `optimizer ${optimizer}`
    : activation !== "sigmoid"
    ? `activation ${activation}`
    : l1 > 0 || l2 > 0 || maxNorm > 0
    ? "a penalty or bound on weights"
    : adversarialEpsilon > 0
    ? "adversarial training"
    : batchNormalization || inputNoise > 0
    ? "batch normalization or noise"
    : undefined;
  if (wanted) {
    throw new RangeError(
      `Cannot train: ${wanted} needs the backend simd; tfjs has Adam, sigmoids and dropout`,
    );
  }
}

/** @throws {RangeError} if the loss would change between evaluations. */
export function checkConjugateGradient(recipe: FineTuningRecipe): void {
  const { dropout, inputDropout, maxNorm, adversarialEpsilon, inputNoise } = recipe;
  const changing = Object.entries({
    dropout,
    inputDropout,
    maxNorm,
    adversarialEpsilon,
    inputNoise,
  })
    .filter(([, value]) => value > 0).map(([name]) => name);
  if (recipe.batchNormalization) changing.push("batchNormalization");
  if (changing.length > 0) {
    throw new RangeError(
      "Cannot train: conjugate_gradient needs a loss that does not change between evaluations; " +
        `leave out ${changing.join(", ")}`,
    );
  }
}
