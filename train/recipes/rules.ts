/**
 * What goes with what in a recipe: one rule an entry, each with what it says when it is broken. The
 * bounds of a single field are in its row of the schema.
 * @module
 */
import { stackRecipe } from "./recipe.ts";
import { initializers } from "./schema/choices.ts";
import type { FineTuningRecipe } from "./schema/fine_tuning.ts";
import type { Recipe } from "./schema/recipe.ts";

/** A rule: what must hold, and the message of a recipe that breaks it. */
export interface Rule {
  /** What must hold, as Markdown for docs/recipes.md. */
  rule: string;
  /** What is wrong with a recipe, or undefined. */
  broken(recipe: Recipe): string | undefined;
}

/** The rules, in the order in which they are asked. */
export const rules: readonly Rule[] = [
  {
    rule:
      "`fineTuning.adversarialEpsilon` is at most 1, a pixel's range, where `adversarialNorm` is max",
    broken({ fineTuning: { adversarialNorm, adversarialEpsilon } }) {
      if (adversarialNorm !== "max" || adversarialEpsilon <= 1) return;
      return "fineTuning.adversarialEpsilon must be a number in [0, 1] of a pixel's range, " +
        `got ${adversarialEpsilon}`;
    },
  },
  {
    rule: "`fineTuning.noise` needs `batchNormalization`",
    broken({ fineTuning: { noise, batchNormalization } }) {
      if (noise === 0 || batchNormalization) return;
      return "fineTuning.noise is on normalized sums; set fineTuning.batchNormalization, " +
        `or noise to 0, got ${noise}`;
    },
  },
  {
    rule: "`fineTuning.batchNormalization` needs a `batchSize` of at least 2",
    broken({ fineTuning: { batchNormalization, batchSize } }) {
      if (!batchNormalization || batchSize >= 2) return;
      return `fineTuning.batchNormalization needs a batchSize of at least 2, got ${batchSize}`;
    },
  },
  {
    rule: "`upDown.recognition` classifier needs `fineTuning` of pretrained sigmoids",
    broken({ upDown, fineTuning: { initializer, activation } }) {
      if (upDown.epochs === 0 || upDown.recognition !== "classifier") return;
      if (initializer === "pretrained" && activation === "sigmoid") return;
      return "upDown.recognition classifier needs fineTuning.initializer pretrained and " +
        `activation sigmoid, got ${initializer} and ${activation}`;
    },
  },
  {
    rule: "`upDown.recognition` classifier needs `fineTuning` without `batchNormalization`",
    broken({ upDown, fineTuning }) {
      if (upDown.epochs === 0 || upDown.recognition !== "classifier") return;
      if (!fineTuning.batchNormalization) return;
      return "upDown.recognition classifier needs units like the DBN's; " +
        "set fineTuning.batchNormalization to false";
    },
  },
  {
    rule: "Only the first RBM, on images, may have Gaussian `visible` units",
    broken({ topRbm, upperStack }) {
      const group = topRbm.visible === "gaussian"
        ? "topRbm"
        : upperStack.visible === "gaussian"
        ? "upperStack"
        : undefined;
      return group && `${group}.visible must be bernoulli, got gaussian`;
    },
  },
  {
    rule: "`stack.initializer` is not transposed: no RBM is below the first",
    broken({ stack }) {
      if (stack.initializer !== "transposed") return;
      return "stack.initializer must be normal, got transposed: there is no RBM below the first; " +
        "set upperStack.initializer";
    },
  },
  {
    rule: "`upperStack.initializer` transposed needs `stack.visible` bernoulli",
    broken(recipe) {
      if (recipe.stack.visible !== "gaussian") return;
      if (stackRecipe(recipe, 1).initializer !== "transposed") return;
      return "upperStack.initializer transposed needs stack.visible bernoulli, got gaussian";
    },
  },
  {
    rule: "`stack.visible` gaussian needs `top` 0",
    broken({ stack, top }) {
      if (stack.visible !== "gaussian" || top === 0) return;
      return "a model's pixels are binary units; stack.visible gaussian needs top 0, which trains " +
        `the stack alone, got ${top}`;
    },
  },
  {
    rule: "`stack.visible` gaussian needs CD-1 on values and means, without PCD",
    broken({ stack }) {
      const { visible, persistentEpochs, reconstruction, inputs, k, kSchedule } = stack;
      if (visible !== "gaussian") return;
      const isPlain = persistentEpochs === 0 && reconstruction === "mean" && inputs === "value" &&
        k === 1 && kSchedule.length === 0;
      if (isPlain) return;
      return "stack.visible gaussian needs persistentEpochs 0, reconstruction mean, inputs value, " +
        "k 1 and no kSchedule";
    },
  },
  {
    rule: "Without `pretraining`, `fineTuning.initializer` is not pretrained",
    broken({ pretraining, fineTuning: { initializer } }) {
      if (pretraining || initializer !== "pretrained") return;
      const others = initializers.filter((name) => name !== "pretrained");
      return "without pretraining, fineTuning.initializer must be one of " +
        `${others.join(", ")}, got "pretrained"`;
    },
  },
  {
    rule: "Without `pretraining`, `top` is at least 1",
    broken({ pretraining, top }) {
      if (pretraining || top >= 1) return;
      return `without pretraining, top must be at least 1, got ${top}`;
    },
  },
  {
    rule:
      "`fineTuning.optimizer` conjugate_gradient needs a loss that does not change: no dropout, " +
      "noise, `maxNorm`, `adversarialEpsilon` or `batchNormalization`",
    broken({ fineTuning }) {
      if (fineTuning.optimizer !== "conjugate_gradient") return;
      return changingLoss(fineTuning);
    },
  },
  {
    rule: "`fineTuning.patience` needs `validation`",
    broken({ fineTuning: { patience }, validation }) {
      if (patience === 0 || validation !== "") return;
      return `fineTuning.patience needs held-out cases in validation, got ${patience} without them`;
    },
  },
];

/** The message of the first rule that a recipe breaks, or undefined. */
export function brokenRule(recipe: Recipe): string | undefined {
  for (const { broken } of rules) {
    const problem = broken(recipe);
    if (problem !== undefined) return problem;
  }
}

/** @throws {RangeError} if the loss would change between evaluations. */
export function checkConjugateGradient(recipe: FineTuningRecipe): void {
  const problem = changingLoss(recipe);
  if (problem !== undefined) throw new RangeError(`Cannot train: ${problem}`);
}

/** What changes the loss between evaluations, which line searches compare, or undefined. */
function changingLoss(recipe: FineTuningRecipe): string | undefined {
  const { dropout, inputDropout, maxNorm, adversarialEpsilon, inputNoise } = recipe;
  const changing = Object.entries({
    dropout,
    inputDropout,
    maxNorm,
    adversarialEpsilon,
    inputNoise,
  }).filter(([, value]) => value > 0).map(([name]) => name);
  if (recipe.batchNormalization) changing.push("batchNormalization");
  if (changing.length === 0) return;
  return "conjugate_gradient needs a loss that does not change between evaluations; " +
    `leave out ${changing.join(", ")}`;
}
