/**
 * A whole training run as plain data: the top level of a recipe, and its groups.
 * @module
 */
import { MAX_LAYER_UNITS, NAME_BOUND, NAME_PATTERN } from "../../../src/format/config.ts";
import { trainingBackends } from "./choices.ts";
import type { ChangesOf, Fields, ValuesOf } from "./field.ts";
import { fineTuningFields } from "./fine_tuning.ts";
import { rbmFields } from "./rbm.ts";
import { upDownFields } from "./up_down.ts";

/** The rows of a recipe. */
export const recipeFields = {
  name: {
    type: "string",
    default: "plain",
    form: { pattern: NAME_PATTERN, bound: NAME_BOUND },
    help: "name of the recipe, of its run and of its model",
  },
  hidden: {
    type: "list",
    default: [500, 500],
    entries: { type: "integer", bounds: [1, MAX_LAYER_UNITS] },
    length: [1, 8],
    help: "units of each layer of the stack above the image",
    flag: "hidden",
  },
  top: {
    type: "integer",
    default: 2000,
    bounds: [0, MAX_LAYER_UNITS],
    help: "hidden units of the top RBM; 0 trains the stack alone, and makes no model",
    flag: "top",
  },
  batchSize: {
    type: "integer",
    default: 100,
    bounds: [1, 10_000],
    help: "cases a mini-batch of the RBMs",
    source: "Hinton (2012), §4",
    flag: "batch-size",
  },
  seed: {
    type: "integer",
    default: 1,
    bounds: [0, Number.MAX_SAFE_INTEGER],
    help: "what every random number depends on",
    flag: "seed",
  },
  balanced: {
    type: "boolean",
    default: false,
    help: "whether each batch of the RBMs has as many cases of every class as can be",
    source: "Hinton (2012), §4",
  },
  backend: {
    type: "choice",
    default: "simd",
    choices: trainingBackends,
    help: "what trains: simd (up to four cores), or tfjs for the plain algorithms in TensorFlow.js",
    flag: "backend",
  },
  pretraining: {
    type: "boolean",
    default: true,
    help: "whether RBMs are trained at all; without them only a classifier is made",
  },
  divisor: {
    type: "number",
    default: 255,
    bounds: [1e-6, 1e6],
    help: "what pixel bytes are divided by",
    flag: "divisor",
  },
  split: {
    type: "string",
    default: "train",
    help: 'slice to train on, such as "train[:50000]" or "train[:11/12]"',
    flag: "split",
  },
  validation: {
    type: "string",
    default: "",
    help: 'held-out slice of the training images, such as "train[11/12:]"; "" for none',
    flag: "validation",
  },
  stack: { type: "group", fields: rbmFields, help: "RBMs of the stack" },
  upperStack: {
    type: "group",
    fields: rbmFields,
    partial: { base: "stack" },
    help: "RBMs of the stack above the first, where they differ from stack",
  },
  topRbm: { type: "group", fields: rbmFields, help: "top RBM" },
  upDown: { type: "group", fields: upDownFields, help: "up-down algorithm" },
  fineTuning: { type: "group", fields: fineTuningFields, help: "fine-tuning of the classifier" },
} as const satisfies Fields;

/** A whole run; docs/recipes.md describes each field. */
export interface Recipe extends ValuesOf<typeof recipeFields> {}

/** What a recipe says differently from the defaults, or from another recipe. */
export interface RecipeChanges extends ChangesOf<typeof recipeFields> {}
