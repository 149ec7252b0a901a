/**
 * How the classifier is trained by backpropagation; `optimizers` of src/kernels/training/network.ts has the
 * formulas.
 * @module
 */
import { adversarialCases, adversarialNorms } from "../../../src/kernels/training/network.ts";
import { hiddenActivations } from "../../../src/model/dbn.ts";
import { augmentationFields } from "./augmentation.ts";
import { fineTuningOptimizers, initializers, rateSchedules } from "./choices.ts";
import type { Fields, ValuesOf } from "./field.ts";

/** The rows of fine-tuning. */
export const fineTuningFields = {
  epochs: {
    type: "integer",
    default: 30,
    bounds: [0, 10_000],
    help: "epochs of backpropagation",
    flag: "fine-tuning-epochs",
  },
  batchSize: { type: "integer", default: 100, bounds: [1, 10_000], help: "cases a mini-batch" },
  initializer: {
    type: "choice",
    default: "pretrained",
    choices: initializers,
    help: "first weights; with pretrained, first biases too",
  },
  activation: {
    type: "choice",
    default: "sigmoid",
    choices: hiddenActivations,
    help: "of hidden units; pretrained weights were learnt for sigmoid",
    tfjs: "sigmoid",
  },
  optimizer: {
    type: "choice",
    default: "adam",
    choices: fineTuningOptimizers,
    help: "how gradients become updates",
    tfjs: "adam",
  },
  learningRate: {
    type: "number",
    default: 1e-3,
    bounds: [0, 1000],
    help: "learning rate of the optimizer",
    flag: "fine-tuning-learning-rate",
  },
  schedule: {
    type: "choice",
    default: "linear",
    choices: rateSchedules,
    help: "learning rate over the epochs",
  },
  momentum: {
    type: "number",
    default: 0.9,
    bounds: [0, 0.9999],
    help: "μ of the optimizers momentum and nesterov",
    source: "Sutskever et al. (2013)",
  },
  rho: {
    type: "number",
    default: 0.9,
    bounds: [0, 0.999999],
    help: "ρ, decay of the running means of rmsprop and adadelta",
    source: "Zeiler (2012)",
  },
  beta1: {
    type: "number",
    default: 0.9,
    bounds: [0, 0.999999],
    help: "β₁ of adam",
    source: "Kingma, Ba (2015)",
  },
  beta2: {
    type: "number",
    default: 0.999,
    bounds: [0, 0.999999],
    help: "β₂ of adam",
    source: "Kingma, Ba (2015)",
  },
  epsilon: {
    type: "number",
    default: 1e-8,
    bounds: [1e-12, 1],
    help: "ε that keeps the optimizers' divisors from 0",
  },
  dropout: {
    type: "number",
    default: 0.3,
    bounds: [0, 0.95],
    help: "share of hidden units left out of a case; 0 for none",
    source: "Srivastava et al. (2014)",
    flag: "dropout",
  },
  inputDropout: {
    type: "number",
    default: 0.2,
    bounds: [0, 0.95],
    help: "share of pixels left out of a case; 0 for none",
    source: "Srivastava et al. (2014)",
    flag: "input-dropout",
  },
  l1: {
    type: "number",
    default: 0,
    bounds: [0, 1],
    help: "L1 penalty on weights, l1·|w|",
    tfjs: 0,
  },
  l2: {
    type: "number",
    default: 0,
    bounds: [0, 1],
    help: "L2 penalty on weights, l2·w²/2",
    tfjs: 0,
  },
  maxNorm: {
    type: "number",
    default: 0,
    bounds: [0, 1000],
    help: "bound on the norm of the weights into a hidden unit; 0 for none",
    source: "Srivastava et al. (2014)",
    tfjs: 0,
  },
  adversarialEpsilon: {
    type: "number",
    default: 0,
    bounds: [0, 100],
    help: "ε, how far cases are moved up the loss; 0 for none",
    source: "Goodfellow, Shlens, Szegedy (2015)",
    tfjs: 0,
    formerly: "adversarialReach",
  },
  adversarialCases: {
    type: "choice",
    default: "half",
    choices: adversarialCases,
    help: "which cases are moved: half of each batch, or all after an update by them as they are",
    source: "Xie et al. (2020)",
  },
  adversarialNorm: {
    type: "choice",
    default: "max",
    choices: adversarialNorms,
    help: "what adversarialEpsilon bounds: each pixel's move, or the case's Euclidean distance",
    source: "Miyato et al. (2016)",
  },
  // Only weights are pretrained then: biases and the head start at 0.
  batchNormalization: {
    type: "boolean",
    default: false,
    help: "whether sums into hidden units are normalized to mean 0, variance 1 over the batch",
    source: "Ioffe, Szegedy (2015)",
    tfjs: false,
  },
  noise: {
    type: "number",
    default: 0,
    bounds: [0, 10],
    help: "standard deviation of uniform noise on the normalized sums",
  },
  inputNoise: {
    type: "number",
    default: 0,
    bounds: [0, 10],
    help: "standard deviation of uniform noise on pixels",
    tfjs: 0,
  },
  patience: {
    type: "integer",
    default: 0,
    bounds: [0, 10_000],
    help: "epochs without a lower held-out error before stopping at the best; 0 for never",
  },
  augmentation: {
    type: "group",
    fields: augmentationFields,
    help: "distortions of the images, new in each epoch",
  },
} as const satisfies Fields;

/** How the classifier is trained; docs/recipes.md describes each field. */
export interface FineTuningRecipe extends ValuesOf<typeof fineTuningFields> {}
