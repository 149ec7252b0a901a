/**
 * What a training run does, as plain data: defaults after Hinton (2012), "A practical guide to
 * training restricted Boltzmann machines", and two presets.
 * @module
 */
import { type AugmentationOptions, noAugmentation } from "../../src/data/augment.ts";
import {
  type AdversarialCases,
  type AdversarialNorm,
  optimizers,
} from "../../src/kernels/training/network.ts";
import type { HiddenActivation } from "../../src/model/dbn.ts";
import type { Initializer } from "./choices.ts";
import type { RateSchedule } from "./choices.ts";

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
  /**
   * What CD takes of grey inputs: a binary `sample`, drawn anew for each batch, or the `value`. Where the
   * first RBM takes samples, those above learn from what samples of the images drive, anew in each epoch.
   */
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
  /**
   * Where its weights start: small and random, or as those of the RBM below, turned over. Then the two
   * are the same distribution of the units between them at first, and what the upper one learns tightens
   * the DBN's lower bound (Hinton, Osindero, Teh 2006, §4). Units past those of the image start at random.
   */
  initializer: typeof rbmInitializers[number];
}

/** Where an RBM's weights may start. */
export const rbmInitializers = ["normal", "transposed"] as const;

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
  /** How far cases are moved up the loss (adversarial training, Goodfellow et al. 2015); 0 for none. */
  adversarialEpsilon: number;
  /** Half of each batch, or the whole of it after it has been learnt from as it is. */
  adversarialCases: AdversarialCases;
  /** What `adversarialEpsilon` bounds: each pixel's move, or with `l2` the Euclidean distance of the case. */
  adversarialNorm: AdversarialNorm;
  /**
   * Whether sums into hidden units are taken to mean 0 and variance 1 over the batch (Ioffe and Szegedy
   * 2015). Only weights are pretrained then: biases and the head start at 0.
   */
  batchNormalization: boolean;
  /** Standard deviation of uniform noise on the normalized sums, and on the pixels. */
  noise: number;
  inputNoise: number;
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
  /** What differs from `stack` in its RBMs above the first. */
  upperStack: Partial<RbmRecipe>;
  topRbm: RbmRecipe;
  upDown: UpDownRecipe;
  fineTuning: FineTuningRecipe;
}

/** How the RBM of a stage of the stack is trained. */
export function stackRecipe({ stack, upperStack }: Recipe, stage: number): RbmRecipe {
  return stage === 0 ? stack : { ...stack, ...upperStack };
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
  initializer: "normal",
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
  adversarialEpsilon: 0,
  adversarialCases: "half",
  adversarialNorm: "max",
  batchNormalization: false,
  noise: 0,
  inputNoise: 0,
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
  upperStack: {},
  topRbm: { ...rbm, epochs: 15, persistentEpochs: 30 },
  upDown,
  fineTuning,
};

/**
 * The recipes behind `--preset`: `quick` takes minutes; `plain` is greedy RBMs and a classifier that sees
 * images as they are; `full` is the released model's: a classifier that sees distorted images, then
 * up-down from its weights upwards.
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
    split: "train[:11/12]",
    validation: "train[11/12:]",
    stack: { ...rbm, epochs: 3, momentumSwitchEpoch: 1 },
    upperStack: {},
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
    upDown: {
      ...upDown,
      epochs: 12,
      recognition: "classifier",
      recognitionLearningRate: 0.02,
      topLearningRate: 0.05,
      discriminativeLearningRate: 4,
      persistent: true,
      k: 1,
    },
  },
};

/** A recipe of an earlier version with what it lacks at its neutral value. */
export function completeRecipe(recipe: Recipe): Recipe {
  return {
    ...{ balanced: false, pretraining: true, upperStack: {} },
    ...recipe,
    stack: { ...rbm, ...recipe.stack },
    topRbm: { ...rbm, ...recipe.topRbm },
    upDown: { ...upDown, batchSize: recipe.batchSize, ...recipe.upDown as Partial<UpDownRecipe> },
    fineTuning: {
      ...fineTuning,
      batchSize: recipe.batchSize,
      ...recipe.fineTuning as Partial<FineTuningRecipe>,
    },
  };
}
