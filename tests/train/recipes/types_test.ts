import { assertThrows } from "@std/assert";
import { checkRecipe } from "../../../train/recipes/check.ts";
import { recipeOf } from "../../../train/recipes/complete.ts";
import type {
  FineTuningRecipe,
  RbmRecipe,
  Recipe,
  UpDownRecipe,
} from "../../../train/recipes/recipe.ts";

// Each `@ts-expect-error` is an error of the type check itself where the line below it would type-check.

type IsSame<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

const same: true[] = [
  true satisfies IsSame<RbmRecipe["k"], number>,
  true satisfies IsSame<RbmRecipe["visible"], "bernoulli" | "gaussian">,
  true satisfies IsSame<RbmRecipe["kSchedule"], { epoch: number; k: number }[]>,
  true satisfies IsSame<UpDownRecipe["persistent"], boolean>,
  true satisfies IsSame<FineTuningRecipe["adversarialCases"], "half" | "after">,
  true satisfies IsSame<FineTuningRecipe["augmentation"]["shift"], number>,
  true satisfies IsSame<Recipe["hidden"], number[]>,
  true satisfies IsSame<Recipe["upperStack"]["k"], number | undefined>,
];

Deno.test("the types of recipes come from the schema's rows", () => {
  for (const isSame of same) if (!isSame) throw new Error("a type differs");
});

Deno.test("a recipe with a wrong field or a wrong type does not type-check, and is refused", () => {
  const refused = (recipe: Recipe, message: string) =>
    assertThrows(() => checkRecipe(recipe), RangeError, message);
  // @ts-expect-error: there is no such field
  refused(recipeOf({ epochs: 3 }), "there is no field epochs");
  // @ts-expect-error: there is no such field in this group
  refused(recipeOf({ stack: { kk: 3 } }), "there is no field stack.kk");
  // @ts-expect-error: a number, not text
  refused(recipeOf({ stack: { k: "3" } }), 'got "3"');
  // @ts-expect-error: no such choice
  refused(recipeOf({ stack: { visible: "grey" } }), 'got "grey"');
  // @ts-expect-error: a list of numbers
  refused(recipeOf({ hidden: ["500"] }), "hidden[0] must be an integer");
  // @ts-expect-error: entries have an epoch too
  refused(recipeOf({ stack: { kSchedule: [{ k: 3 }] } }), "kSchedule[0].epoch must be an integer");
  // @ts-expect-error: a group, not a number
  refused(recipeOf({ upDown: 3 }), "upDown must be an object");
});

Deno.test("a recipe in the schema's types type-checks", () => {
  checkRecipe(recipeOf({
    hidden: [50],
    stack: { k: 3, kSchedule: [{ epoch: 1, k: 2 }] },
    upperStack: { learningRate: 0.01 },
    fineTuning: { optimizer: "sgd", augmentation: { shift: 1 } },
  }));
});
