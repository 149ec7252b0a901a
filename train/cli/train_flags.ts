/**
 * The flags of `deno task train`, and the recipe they ask for.
 * @module
 */
import { dataFlags } from "./data_flags.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { checkRecipe } from "../recipes/check_recipe.ts";
import { presets, type Recipe } from "../recipes/recipe.ts";
import { readRecipe, setFields } from "../recipes/read_recipe.ts";

/** Every flag of the command; the names follow Keras and scikit-learn. */
export const trainFlags: FlagTable = {
  preset: {
    kind: "string",
    help: "quick (minutes), plain (greedy RBMs, dropout) or full (the released model) [quick]",
  },
  recipe: { kind: "string", help: "a recipe of train/recipes, instead of a preset" },
  set: {
    kind: "string",
    help: 'any field of the recipe, such as "fineTuning.optimizer=sgd fineTuning.epochs=5"',
  },
  pretrained: {
    kind: "string",
    help: "directory of a run whose first RBMs to take, as far as it trained them alike",
  },
  "no-output": { kind: "boolean", help: "only the log, and no look at the test set: for choosing" },
  resume: { kind: "boolean", help: "go on from the run's checkpoint" },
  restart: { kind: "boolean", help: "throw the run's checkpoint away and begin again" },
  run: { kind: "string", help: "directory of checkpoint and log [runs/RECIPE]" },
  out: { kind: "string", help: "model directory to write [models/NAME/next version]" },
  name: { kind: "string", help: "model name [mnist-dbn for full, mnist-dbn-RECIPE]" },
  ...dataFlags,
  split: { kind: "string", help: 'slice to train on, such as "train[:50000]" or "train[:11/12]"' },
  validation: {
    kind: "string",
    help: 'held-out slice, such as "train[50000:]" or "train[11/12:]"; "" for none',
  },
  seed: { kind: "integer", help: "integer >= 0 that every random number depends on [1]" },
  hidden: { kind: "integers", help: "units of each layer of the stack, such as 500,500" },
  top: { kind: "integer", help: "hidden units of the top RBM" },
  "batch-size": { kind: "integer", help: "cases a mini-batch of the RBMs [100]" },
  divisor: { kind: "number", help: "pixel bytes are divided by this [255]" },
  backend: { kind: "string", help: "what trains the RBMs: simd (every core) or tfjs [simd]" },
  inputs: {
    kind: "string",
    help: "what CD takes of grey inputs: value, or a binary sample [value]",
  },
  reconstruction: {
    kind: "string",
    help: "what ends a step of CD: mean, or a binary sample [mean]",
  },
  epochs: { kind: "integer", help: "CD-k epochs of each RBM of the stack" },
  "top-epochs": { kind: "integer", help: "CD-k epochs of the top RBM" },
  "persistent-epochs": { kind: "integer", help: "PCD epochs of the top RBM after those" },
  k: { kind: "integer", help: "Gibbs steps of the negative phase [1]" },
  "learning-rate": { kind: "number", help: "of CD [0.1]" },
  "persistent-learning-rate": { kind: "number", help: "of PCD, falling linearly to 0 [0.05]" },
  momentum: { kind: "number", help: "of the first epochs, and of PCD [0.5]" },
  "final-momentum": { kind: "number", help: "of later CD epochs [0.9]" },
  "weight-cost": { kind: "number", help: "L2 penalty on RBM weights [0.0002]" },
  "fine-tuning-epochs": { kind: "integer", help: "epochs of backpropagation" },
  "fine-tuning-learning-rate": { kind: "number", help: "of fine-tuning's optimizer [0.001]" },
  dropout: { kind: "number", help: "share of hidden units left out in fine-tuning" },
  "input-dropout": { kind: "number", help: "share of pixels left out in fine-tuning" },
  quiet: { kind: "boolean", help: "no progress bar, one line an epoch" },
};

/** Flags that change the recipe; with --resume they are refused. */
export const recipeFlags = [
  "set",
  ...Object.keys(trainFlags).slice(
    Object.keys(trainFlags).indexOf("split"),
    Object.keys(trainFlags).indexOf("quiet"),
  ),
];

/**
 * The recipe of a preset or a file, with the flags' changes.
 * @throws {FlagError} naming the flag's field, its bound and its value.
 */
export async function recipeFromFlags(flags: FlagValues): Promise<Recipe> {
  const preset = (flags.preset ?? "quick") as string;
  if (!Object.hasOwn(presets, preset)) {
    throw new FlagError(
      `--preset must be one of ${Object.keys(presets).join(", ")}, got ${JSON.stringify(preset)}`,
    );
  }
  if (flags.preset !== undefined && flags.recipe !== undefined) {
    throw new FlagError("--preset and --recipe exclude each other");
  }
  const named = await readRecipe((flags.recipe ?? preset) as string);
  const base = setFields(named, (flags.set ?? "") as string);
  const rbm = given(flags, {
    k: "k",
    learningRate: "learning-rate",
    momentum: "momentum",
    finalMomentum: "final-momentum",
    weightCost: "weight-cost",
    persistentLearningRate: "persistent-learning-rate",
    inputs: "inputs",
    reconstruction: "reconstruction",
  });
  const recipe = {
    ...base,
    ...given(flags, {
      split: "split",
      validation: "validation",
      seed: "seed",
      hidden: "hidden",
      top: "top",
      batchSize: "batch-size",
      divisor: "divisor",
      backend: "backend",
    }),
    stack: { ...base.stack, ...rbm, ...given(flags, { epochs: "epochs" }) },
    topRbm: {
      ...base.topRbm,
      ...rbm,
      ...given(flags, { epochs: "top-epochs", persistentEpochs: "persistent-epochs" }),
    },
    fineTuning: {
      ...base.fineTuning,
      ...given(flags, {
        epochs: "fine-tuning-epochs",
        learningRate: "fine-tuning-learning-rate",
        dropout: "dropout",
        inputDropout: "input-dropout",
      }),
    },
  };
  try {
    return checkRecipe(recipe);
  } catch (error) {
    throw new FlagError((error as Error).message);
  }
}

/** The fields whose flag was given, with its value. */
function given(flags: FlagValues, fields: Record<string, string>): Record<string, never> {
  const entries = Object.entries(fields).filter(([, flag]) => flags[flag] !== undefined);
  return Object.fromEntries(entries.map(([field, flag]) => [field, flags[flag]])) as Record<
    string,
    never
  >;
}
