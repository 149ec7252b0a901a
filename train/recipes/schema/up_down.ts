/**
 * How the joint model is fine-tuned by the up-down algorithm: Hinton, Osindero, Teh (2006), "A fast
 * learning algorithm for deep belief nets", §5 and appendix B.
 * @module
 */
import { rateSchedules } from "./choices.ts";
import type { Fields, ValuesOf } from "./field.ts";
import { rbmFields } from "./rbm.ts";

/** The rows of the up-down algorithm. */
export const upDownFields = {
  epochs: {
    type: "integer",
    default: 0,
    bounds: [0, 10_000],
    help: "epochs of up-down; 0 for none",
    source: "Hinton, Osindero, Teh (2006), appendix B",
    tfjs: 0,
  },
  batchSize: { type: "integer", default: 100, bounds: [1, 10_000], help: "cases a mini-batch" },
  recognition: {
    type: "choice",
    default: "greedy",
    choices: ["greedy", "classifier"],
    help: "first weights upwards: of greedy training, as in the paper, or of the classifier",
  },
  learningRate: {
    type: "number",
    default: 0.1,
    bounds: [0, 10],
    help: "learning rate of the generative weights, in the wake phase",
  },
  recognitionLearningRate: {
    type: "number",
    default: 0.1,
    bounds: [0, 10],
    help: "learning rate of the recognition weights, in the sleep phase",
  },
  topLearningRate: {
    type: "number",
    default: 0.1,
    bounds: [0, 10],
    help: "learning rate of the top RBM",
  },
  // With it the top RBM learns by two gradients: a hybrid RBM.
  discriminativeLearningRate: {
    type: "number",
    default: 0,
    bounds: [0, 10],
    help: "learning rate of log p(label | image) in the top RBM; 0 for the paper's algorithm",
    source: "Larochelle, Bengio (2008)",
  },
  momentum: {
    type: "number",
    default: 0,
    bounds: [0, 0.9999],
    help: "momentum of the top RBM",
  },
  schedule: {
    type: "choice",
    default: "linear",
    choices: rateSchedules,
    help: "learning rates over the epochs",
  },
  persistent: {
    type: "boolean",
    default: false,
    help: "whether the top RBM's chains go on from batch to batch (PCD), or start at each (CD)",
  },
  k: { type: "integer", default: 3, bounds: [1, 1000], help: "Gibbs steps of the top RBM" },
  kSchedule: {
    type: "list",
    default: [],
    entries: rbmFields.kSchedule.entries,
    help: "from which epoch on the top RBM has how many Gibbs steps, instead of k",
  },
  weightCost: { type: "number", default: 0, bounds: [0, 1], help: "L2 penalty on weights" },
} as const satisfies Fields;

/** How the joint model is fine-tuned; docs/recipes.md describes each field. */
export interface UpDownRecipe extends ValuesOf<typeof upDownFields> {}
