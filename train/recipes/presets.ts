/**
 * The recipes behind `--preset`, as what they change in the defaults.
 * @module
 */
import { recipeOf } from "./complete.ts";
import type { Recipe, RecipeChanges } from "./schema/recipe.ts";

/** What each preset is for. */
export const presetNotes = {
  quick: "A small model in minutes, with held-out images.",
  plain: "Greedy RBMs, and a classifier that sees images as they are, with dropout.",
  full:
    "The released model: a classifier that sees distorted images, then up-down from its weights.",
};

/** The name of a preset. */
export type PresetName = keyof typeof presetNotes;

const plain = {
  name: "plain",
  stack: { epochs: 20 },
  topRbm: { epochs: 15, persistentEpochs: 30 },
} satisfies RecipeChanges;

/** The recipes by name. */
export const presets: Record<PresetName, Recipe> = {
  quick: recipeOf({
    name: "quick",
    hidden: [256, 256],
    top: 1000,
    split: "train[:11/12]",
    validation: "train[11/12:]",
    stack: { epochs: 3, momentumSwitchEpoch: 1 },
    topRbm: { epochs: 3, momentumSwitchEpoch: 1, persistentEpochs: 12 },
    fineTuning: { epochs: 8, dropout: 0, inputDropout: 0 },
  }),
  plain: recipeOf(plain),
  full: recipeOf({
    ...plain,
    name: "full",
    fineTuning: {
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
      epochs: 12,
      recognition: "classifier",
      recognitionLearningRate: 0.02,
      topLearningRate: 0.05,
      discriminativeLearningRate: 4,
      persistent: true,
      k: 1,
    },
  }),
};
