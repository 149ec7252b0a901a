/**
 * The types of recipes, for those who train by them; the rows that they come from are in schema/.
 * @module
 */
import type { RbmRecipe } from "./schema/rbm.ts";
import type { Recipe } from "./schema/recipe.ts";

export type { Initializer, RateSchedule, TrainingBackend } from "./schema/choices.ts";
export type { FineTuningRecipe } from "./schema/fine_tuning.ts";
export type { RbmRecipe } from "./schema/rbm.ts";
export type { Recipe, RecipeChanges } from "./schema/recipe.ts";
export type { UpDownRecipe } from "./schema/up_down.ts";

/** How the RBM of a stage of the stack is trained. */
export function stackRecipe({ stack, upperStack }: Recipe, stage: number): RbmRecipe {
  return stage === 0 ? stack : { ...stack, ...upperStack };
}
