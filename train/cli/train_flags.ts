/**
 * The flags of `dbn train`, and the recipe they ask for.
 * @module
 */
import { dataFlags } from "./data_flags.ts";
import { forceFlag } from "./outputs.ts";
import { FlagError, type FlagTable, type FlagValues } from "../../src/cli/flags.ts";
import { checkRecipe } from "../recipes/check.ts";
import { readRecipe, setFields } from "../recipes/files.ts";
import { recipeFlags, withFlags } from "../recipes/flags.ts";
import { presets } from "../recipes/presets.ts";
import type { Recipe } from "../recipes/recipe.ts";

/** Every flag of the command; the names follow Keras and scikit-learn. */
export const trainFlags: FlagTable = {
  preset: {
    kind: "string",
    group: "Recipe",
    help: "a recipe of the release: quick takes minutes, full makes the released model",
    default: "quick",
    choices: Object.keys(presets),
  },
  recipe: {
    kind: "string",
    group: "Recipe",
    help: "a recipe of train/recipes, instead of a preset",
  },
  set: {
    kind: "string",
    group: "Recipe",
    help: 'any field of the recipe, such as "fineTuning.optimizer=sgd fineTuning.epochs=5"',
  },
  pretrained: {
    kind: "path",
    group: "Recipe",
    help: "directory of a run whose first RBMs to take: trained alike, or imported",
  },
  resume: { kind: "boolean", group: "Run", help: "go on from the run's checkpoint" },
  restart: {
    kind: "boolean",
    group: "Run",
    help: "throw the run's checkpoint away and begin again",
  },
  run: {
    kind: "path",
    group: "Run",
    help: "directory of checkpoint and log",
    default: "runs/RECIPE, runs/RECIPE-DATASET of other data than MNIST",
  },
  strict: {
    kind: "boolean",
    group: "Run",
    help: "end with an error where a run would warn that training goes wrong",
  },
  out: {
    kind: "path",
    group: "Output",
    help: "model directory to write, new or empty",
    default: "models/NAME/next version",
  },
  name: {
    kind: "string",
    group: "Output",
    help: "model name",
    default: "DATASET-dbn for full, DATASET-dbn-RECIPE",
  },
  "no-output": {
    kind: "boolean",
    group: "Output",
    help: "only the log, and no look at the test set: for choosing",
  },
  force: { ...forceFlag, help: "write over a model that is there" },
  ...dataFlags,
  ...recipeFlags(presets.quick),
  quiet: { kind: "boolean", help: "no progress bar, one line an epoch" },
};

/** Flags that change the recipe; with --resume they are refused. */
export const changingFlags = ["set", ...Object.keys(recipeFlags(presets.quick))];

/**
 * The recipe of a preset or a file, with the flags' changes.
 * @throws {FlagError} naming the flag's field, its bound and its value.
 */
export async function recipeFromFlags(flags: FlagValues): Promise<Recipe> {
  if (flags.preset !== undefined && flags.recipe !== undefined) {
    throw new FlagError("--preset and --recipe exclude each other");
  }
  const named = await readRecipe((flags.recipe ?? flags.preset ?? "quick") as string);
  const recipe = withFlags(setFields(named, (flags.set ?? "") as string), flags);
  try {
    return checkRecipe(recipe);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FlagError(error.message);
  }
}
