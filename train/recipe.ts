/**
 * What a training run does, as plain data: defaults after Hinton (2012), "A practical guide to
 * training restricted Boltzmann machines", and two presets.
 * @module
 */
import { type AugmentationOptions, noAugmentation } from "../src/data/augment.ts";
import { optimizers } from "../src/kernels/network.ts";
import { checkSeed } from "../src/math/random.ts";
import { type HiddenActivation, hiddenActivations } from "../src/model/dbn.ts";
import { MAX_LAYER_UNITS } from "../src/model/weights.ts";
import { type Initializer, initializers } from "./initializers.ts";
import { type RateSchedule, rateSchedules } from "./schedules.ts";

/** What trains: `simd` has everything, `tfjs` runs the plain algorithms in TensorFlow.js. */
export const trainingBackends = ["simd", "tfjs"] as const;

/** One of {@linkcode trainingBackends}. */
export type TrainingBackend = typeof trainingBackends[number];

/** How fine-tuning turns gradients into updates. */
export const fineTuningOptimizers = [...optimizers, "conjugate_gradient"] as const;

/** How one RBM is trained: epochs of CD-k, then epochs of PCD (Tieleman 2008). */
export interface RbmRecipe {
  /** Epochs of contrastive divergence. */
  epochs: number;
  /** Gibbs steps of the negative phase. */
  k: number;
  learningRate: number;
  /** Momentum of the first {@linkcode momentumSwitchEpoch} epochs. */
  momentum: number;
  finalMomentum: number;
  momentumSwitchEpoch: number;
  /** L2 penalty on weights, not on biases. */
  weightCost: number;
  /** Epochs of persistent contrastive divergence that follow, on binary samples of the input. */
  persistentEpochs: number;
  /** Falls linearly to 0 over the persistent epochs, at `momentum`. */
  persistentLearningRate: number;
  /** What ends a step of CD: a binary `sample` of the visible units, or their `mean`. */
  reconstruction: "sample" | "mean";
  /** What CD takes of grey inputs: a binary `sample`, drawn anew for each batch, or the `value`. */
  inputs: "sample" | "value";
  /** How the learning rate of CD changes over its epochs. */
  schedule: RateSchedule;
  /** From which epoch on CD takes how many Gibbs steps, instead of `k`. */
  kSchedule: { epoch: number; k: number }[];
  /** L1 penalty on weights. */
  l1: number;
  /** Share of hidden units left out of a case; Srivastava et al. (2014), §8. */
  dropout: number;
  /** Pull of the running mean of each hidden unit to `sparsityTarget`; 0 for none. Hinton (2012), §11. */
  sparsityCost: number;
  sparsityTarget: number;
  /** How fast the offsets of the centred gradient follow the means; 0 for the plain gradient. */
  centring: number;
  /** Learning rate of fast weights in PCD (Tieleman, Hinton 2009); 0 for none. */
  fastLearningRate: number;
  /** Share of fast weights that each update keeps. */
  fastDecay: number;
  /** Replicas of each persistent chain, at inverse temperatures from 1 to `lowestBeta`; 1 for none. */
  temperatures: number;
  lowestBeta: number;
  /** Persistent chains; 0 for as many as a batch has cases. */
  chains: number;
  /** Units of the image layer; `gaussian` ones have variance 1. Other layers are binary. */
  visible: "bernoulli" | "gaussian";
}

/** How the classifier is trained by backpropagation; {@linkcode optimizers} has the formulas. */
export interface FineTuningRecipe {
  epochs: number;
  batchSize: number;
  /** Where its weights start; biases too with `pretrained`. */
  initializer: Initializer;
  /** Of hidden units. Pretrained weights were learnt for `sigmoid`. */
  activation: HiddenActivation;
  optimizer: typeof fineTuningOptimizers[number];
  learningRate: number;
  schedule: RateSchedule;
  /** Of `momentum` and `nesterov`. */
  momentum: number;
  /** Decay of running means in `rmsprop` and `adadelta`. */
  rho: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Share of hidden units left out of a training case; 0 is none. */
  dropout: number;
  /** Share of pixels left out of a training case. */
  inputDropout: number;
  /** Penalties on weights, l1·|w| + l2·w²/2. */
  l1: number;
  l2: number;
  /** Bound on the norm of the weights into a hidden unit; 0 for none. */
  maxNorm: number;
  /**
   * How far each pixel of half the cases is moved up the loss (adversarial training, Goodfellow et al.
   * 2015); 0 for none.
   */
  adversarialReach: number;
  /** Stops after so many epochs without a lower error on held-out cases, and keeps the best; 0 never. */
  patience: number;
  /** Distortions of the images, new in each epoch. */
  augmentation: AugmentationOptions;
}

/** How the joint model is fine-tuned by the up-down algorithm. */
export interface UpDownRecipe {
  epochs: number;
  batchSize: number;
  /**
   * Where the weights upwards start: from greedy training, as in the paper, or from the classifier that
   * was fine-tuned.
   */
  recognition: "greedy" | "classifier";
  /** Of the generative weights, in the wake phase. */
  learningRate: number;
  /** Of the recognition weights, in the sleep phase. */
  recognitionLearningRate: number;
  /** Of the top RBM. */
  topLearningRate: number;
  /**
   * Of log p(label | image) in the top RBM, which then learns by two gradients (a hybrid RBM, Larochelle
   * and Bengio 2008); 0 for the paper's algorithm.
   */
  discriminativeLearningRate: number;
  /** Of the top RBM. */
  momentum: number;
  schedule: RateSchedule;
  /** Whether the chains of the top RBM go on from batch to batch (PCD), or start at each batch (CD). */
  persistent: boolean;
  /** Gibbs steps of the top RBM. */
  k: number;
  /** From which epoch on it takes how many, instead of `k`. */
  kSchedule: { epoch: number; k: number }[];
  /** L2 penalty on weights. */
  weightCost: number;
}

/** A whole run. */
export interface Recipe {
  name: string;
  /** Units of the stack above the image. */
  hidden: number[];
  /** Hidden units of the top RBM; with 0 only the stack is trained, and no model is made. */
  top: number;
  batchSize: number;
  seed: number;
  /** Whether each batch of the RBMs has as many cases of every class as can be. */
  balanced: boolean;
  /** What trains. */
  backend: TrainingBackend;
  /** Whether RBMs are trained at all; without them only a classifier is made. */
  pretraining: boolean;
  /** Pixel bytes are divided by this. */
  divisor: number;
  /** Slice to train on, in TensorFlow Datasets' syntax. */
  split: string;
  /** Held-out slice of the training set; empty for none. */
  validation: string;
  stack: RbmRecipe;
  topRbm: RbmRecipe;
  upDown: UpDownRecipe;
  fineTuning: FineTuningRecipe;
}

const rbm: RbmRecipe = {
  epochs: 30,
  k: 1,
  learningRate: 0.1,
  momentum: 0.5,
  finalMomentum: 0.9,
  momentumSwitchEpoch: 5,
  weightCost: 2e-4,
  persistentEpochs: 0,
  persistentLearningRate: 0.05,
  reconstruction: "mean",
  inputs: "value",
  schedule: "constant",
  kSchedule: [],
  l1: 0,
  dropout: 0,
  sparsityCost: 0,
  sparsityTarget: 0.1,
  centring: 0,
  fastLearningRate: 0,
  fastDecay: 0.95,
  temperatures: 1,
  lowestBeta: 0.9,
  chains: 0,
  visible: "bernoulli",
};

const upDown: UpDownRecipe = {
  epochs: 0,
  batchSize: 100,
  recognition: "greedy",
  learningRate: 0.1,
  recognitionLearningRate: 0.1,
  topLearningRate: 0.1,
  discriminativeLearningRate: 0,
  momentum: 0,
  schedule: "linear",
  persistent: false,
  k: 3,
  kSchedule: [],
  weightCost: 0,
};

const fineTuning: FineTuningRecipe = {
  epochs: 30,
  batchSize: 100,
  initializer: "pretrained",
  activation: "sigmoid",
  optimizer: "adam",
  learningRate: 1e-3,
  schedule: "linear",
  momentum: 0.9,
  rho: 0.9,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  dropout: 0.3,
  inputDropout: 0.2,
  l1: 0,
  l2: 0,
  maxNorm: 0,
  adversarialReach: 0,
  patience: 0,
  augmentation: noAugmentation,
};

const plain: Recipe = {
  name: "plain",
  hidden: [500, 500],
  top: 2000,
  batchSize: 100,
  seed: 1,
  balanced: false,
  backend: "simd",
  pretraining: true,
  divisor: 255,
  split: "train",
  validation: "",
  stack: { ...rbm, epochs: 20 },
  topRbm: { ...rbm, epochs: 15, persistentEpochs: 30 },
  upDown,
  fineTuning,
};

/**
 * The recipes behind `--preset`: `quick` takes minutes; `plain` is greedy RBMs and a classifier that sees
 * images as they are; `full` is the released model's.
 */
export const presets: Record<"quick" | "plain" | "full", Recipe> = {
  quick: {
    name: "quick",
    hidden: [256, 256],
    top: 1000,
    batchSize: 100,
    seed: 1,
    backend: "simd",
    balanced: false,
    pretraining: true,
    divisor: 255,
    split: "train[:55000]",
    validation: "train[55000:]",
    stack: { ...rbm, epochs: 3, momentumSwitchEpoch: 1 },
    topRbm: { ...rbm, epochs: 3, momentumSwitchEpoch: 1, persistentEpochs: 12 },
    upDown,
    fineTuning: { ...fineTuning, epochs: 8, dropout: 0, inputDropout: 0 },
  },
  plain,
  full: {
    ...plain,
    name: "full",
    fineTuning: {
      ...fineTuning,
      epochs: 150,
      dropout: 0,
      inputDropout: 0,
      augmentation: {
        shift: 1,
        rotation: 12,
        scaling: 0.15,
        shear: 0.1,
        elasticAlpha: 36,
        elasticSigma: 5.5,
      },
    },
  },
};

/** A recipe of an earlier version with what it lacks at its neutral value. */
export function completeRecipe(recipe: Recipe): Recipe {
  return {
    ...{ balanced: false, pretraining: true },
    ...recipe,
    stack: { ...rbm, ...recipe.stack },
    topRbm: { ...rbm, ...recipe.topRbm },
    upDown: { ...upDown, ...recipe.upDown },
    fineTuning: { ...fineTuning, ...recipe.fineTuning },
  };
}

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
  lowestBeta: [0, 1],
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
  adversarialReach: [0, 1],
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
  checkFields("stack", recipe.stack, rbmBounds);
  checkFields("topRbm", recipe.topRbm, rbmBounds);
  checkFields("fineTuning", recipe.fineTuning, fineTuningBounds);
  checkFields("fineTuning.augmentation", recipe.fineTuning.augmentation, augmentationBounds);
  checkChoice("fineTuning.initializer", recipe.fineTuning.initializer, initializers);
  checkChoice("fineTuning.activation", recipe.fineTuning.activation, hiddenActivations);
  checkChoice("fineTuning.optimizer", recipe.fineTuning.optimizer, fineTuningOptimizers);
  checkChoice("fineTuning.schedule", recipe.fineTuning.schedule, rateSchedules);
  checkChoice("backend", recipe.backend, trainingBackends);
  for (const group of ["stack", "topRbm"] as const) {
    checkChoice(`${group}.inputs`, recipe[group].inputs, ["value", "sample"]);
    checkChoice(`${group}.reconstruction`, recipe[group].reconstruction, ["mean", "sample"]);
    checkChoice(`${group}.visible`, recipe[group].visible, ["bernoulli", "gaussian"]);
  }
  for (const group of ["stack", "topRbm", "upDown"] as const) {
    checkChoice(`${group}.schedule`, recipe[group].schedule, rateSchedules);
    recipe[group].kSchedule.forEach(({ epoch, k }, i) => {
      checkNumber(`${group}.kSchedule[${i}].epoch`, epoch, 0, 10_000, true);
      checkNumber(`${group}.kSchedule[${i}].k`, k, 1, 1000, true);
    });
  }
  checkFields("upDown", recipe.upDown, upDownBounds);
  checkChoice("upDown.recognition", recipe.upDown.recognition, ["greedy", "classifier"]);
  if (
    recipe.upDown.epochs > 0 && recipe.upDown.recognition === "classifier" &&
    (recipe.fineTuning.initializer !== "pretrained" || recipe.fineTuning.activation !== "sigmoid")
  ) {
    throw new RangeError(
      "Cannot train: upDown.recognition classifier needs fineTuning.initializer pretrained and activation sigmoid",
    );
  }
  if (recipe.upDown.epochs > 0 && recipe.backend === "tfjs") {
    throw new RangeError("Cannot train: upDown needs the backend simd, got tfjs");
  }
  const { stack, topRbm } = recipe;
  if (topRbm.visible === "gaussian") {
    throw new RangeError("Cannot train: topRbm.visible must be bernoulli, got gaussian");
  }
  if (stack.visible === "gaussian") {
    if (recipe.top > 0) {
      throw new RangeError(
        "Cannot train: a model's pixels are binary units; stack.visible gaussian needs top 0, which trains the stack alone",
      );
    }
    if (stack.persistentEpochs > 0 || stack.reconstruction !== "mean" || stack.inputs !== "value") {
      throw new RangeError(
        "Cannot train: stack.visible gaussian needs persistentEpochs 0, reconstruction mean and inputs value",
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
  if (recipe.fineTuning.patience > 0 && recipe.validation === "") {
    throw new RangeError("Cannot train: fineTuning.patience needs held-out cases in validation");
  }
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
