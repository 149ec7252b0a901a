/**
 * Whole recipes from partial ones: from changes to the defaults, and from what an earlier version wrote.
 * @module
 */
import { formerName, groupProblem, isGroup } from "./check.ts";
import type { Field, Fields } from "./schema/field.ts";
import { type Recipe, type RecipeChanges, recipeFields } from "./schema/recipe.ts";

type Values = Record<string, unknown>;

/** The recipe with these fields, and all others at their defaults. */
export function recipeOf(changes: RecipeChanges): Recipe {
  return withDefaults(recipeFields, { ...changes }) as unknown as Recipe;
}

/**
 * A recipe of an earlier version by today's names, with what it lacks at its default.
 * @param source where it is from, for the message
 * @throws {RangeError} naming the source and a field that is not known, or whose value is not allowed.
 */
export function completeRecipe(earlier: object, source = "an earlier version"): Recipe {
  const named = withTodaysNames(recipeFields, { ...earlier });
  const recipe = withDefaults(recipeFields, withOneBatchSize(named));
  const problem = groupProblem(recipeFields, recipe);
  if (problem !== undefined) {
    throw new RangeError(`Cannot read the recipe of ${source}: ${problem}`);
  }
  return recipe as unknown as Recipe;
}

/** Values in the order of their rows, missing ones at their defaults; then those that no row knows. */
function withDefaults(fields: Fields, values: Values): Values {
  const known = Object.entries(fields).map(([name, field]) => [
    name,
    valueOrDefault(field, values[name]),
  ]);
  const unknown = Object.entries(values).filter(([name]) => !Object.hasOwn(fields, name));
  return Object.fromEntries([...known, ...unknown]);
}

function valueOrDefault(field: Field, value: unknown): unknown {
  if (field.type !== "group") {
    return value === undefined ? structuredClone(field.default) : value;
  }
  const group = value === undefined ? {} : value;
  return isGroup(group) && !field.partial ? withDefaults(field.fields, group) : group;
}

/** Values with each field that has been renamed under its name of today. */
function withTodaysNames(fields: Fields, values: Values): Values {
  const today = new Map(
    Object.entries(fields).map(([name, field]) => [formerName(field) ?? name, name]),
  );
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const field = fields[name];
      const isNested = field?.type === "group" && isGroup(value);
      return [today.get(name) ?? name, isNested ? withTodaysNames(field.fields, value) : value];
    }),
  );
}

/** Before fine-tuning and up-down had batch sizes of their own, theirs was that of the RBMs. */
function withOneBatchSize(recipe: Values): Values {
  const { batchSize } = recipe;
  const withSize = (group: unknown) => isGroup(group) ? { batchSize, ...group } : { batchSize };
  return batchSize === undefined ? recipe : {
    ...recipe,
    upDown: withSize(recipe.upDown),
    fineTuning: withSize(recipe.fineTuning),
  };
}
