/**
 * Recipes as files: train/recipes/NAME.json names a recipe that it extends and the fields that differ, what
 * it is about, and where it has been renamed what it was called formerly.
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { FlagError } from "../../src/cli/flags.ts";
import { nearest } from "../../src/cli/nearest.ts";
import { isGroup, unknownField, valueProblem } from "./check.ts";
import { type PresetName, presetNotes, presets } from "./presets.ts";
import type { Fields } from "./schema/field.ts";
import { type Recipe, recipeFields } from "./schema/recipe.ts";

const DIRECTORY = new URL("./", import.meta.url);

type Values = Record<string, unknown>;

/** The names of all recipes: the presets, then the files. */
export async function recipeNames(): Promise<string[]> {
  const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith(".json"));
  return [...Object.keys(presets), ...files.map((file) => file.slice(0, -5)).sort()];
}

/** What each recipe is for, by name. */
export async function recipeNotes(): Promise<Record<string, string>> {
  const notes = (await recipeNames()).map(async (name) => [
    name,
    isPreset(name) ? presetNotes[name] : String((await readFields(name)).about),
  ]);
  return Object.fromEntries(await Promise.all(notes));
}

/**
 * The recipe of that name, not yet checked as a whole.
 * @param extending the recipes that extend it, the outermost first
 * @throws {FlagError} if there is none, if it extends itself, or if its file is not JSON or has a field or
 * value that no recipe has.
 */
export async function readRecipe(name: string, extending: string[] = []): Promise<Recipe> {
  if (isPreset(name)) return presets[name];
  if (extending.includes(name)) {
    throw new FlagError(`train/recipes: ${[...extending, name].join(" extends ")}`);
  }
  const names = await recipeNames();
  if (!names.includes(name)) throw await unknownRecipe(name, names, extending.at(-1));
  const { extends: base = "plain", about: _, formerly: __, ...changes } = await readFields(name);
  const extended = await readRecipe(String(base), [...extending, name]);
  return { ...merge(extended, changes, `train/recipes/${name}.json`), name };
}

/** The recipe with fields set from `stack.epochs=5 fineTuning.optimizer=sgd`; values are JSON or text. */
export function setFields(recipe: Recipe, assignments: string): Recipe {
  return assignments.split(/\s+/).filter(Boolean).reduce((changed, assignment) => {
    const [, path, text] = /^([\w.]+)=(.*)$/.exec(assignment) ?? [];
    if (path === undefined) {
      throw new FlagError(`--set must be FIELD=VALUE, got ${JSON.stringify(assignment)}`);
    }
    const changes = path.split(".").reduceRight<unknown>(
      (inner, key) => ({ [key]: inner }),
      parse(text),
    );
    return merge(changed, changes as Values, "--set");
  }, recipe);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

/** A recipe file's fields. @throws {FlagError} if it is not a JSON object. */
async function readFields(name: string): Promise<Values> {
  const text = await readFile(new URL(`${name}.json`, DIRECTORY), "utf8");
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FlagError(`train/recipes/${name}.json is not JSON: ${error.message}`);
  }
  if (!isGroup(fields)) throw new FlagError(`train/recipes/${name}.json must be an object`);
  return fields;
}

/** Says that there is no such recipe, and which one is meant. */
async function unknownRecipe(name: string, names: string[], extending?: string) {
  const where = extending ? `train/recipes/${extending}.json: extends` : "--recipe";
  const message = `${where} must be one of ${names.join(", ")}, got ${JSON.stringify(name)}`;
  for (const known of names) {
    if (!isPreset(known) && (await readFields(known)).formerly === name) {
      return new FlagError(`${message}; it is called ${known} now`);
    }
  }
  const near = nearest(name, names);
  return new FlagError(near === undefined ? message : `${message}; did you mean ${near}?`);
}

function isPreset(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/**
 * The recipe with some fields changed.
 * @throws {FlagError} naming the place of the changes, and a field that is not there or its bound and value.
 */
function merge(recipe: Recipe, changes: Values, place: string): Recipe {
  return mergeGroup(recipeFields, { ...recipe }, changes, { place, path: "" }) as unknown as Recipe;
}

function mergeGroup(
  fields: Fields,
  base: Values,
  changes: Values,
  { place, path }: { place: string; path: string },
): Values {
  const merged = { ...base };
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(fields, name)) {
      throw new FlagError(`${place}: ${unknownField(fields, name, path)}`);
    }
    const field = fields[name];
    if (field.type === "group" && isGroup(value)) {
      const inner = { place, path: `${path}${name}.` };
      merged[name] = mergeGroup(field.fields, base[name] as Values, value, inner);
      continue;
    }
    const problem = valueProblem(field, value, `${path}${name}`);
    if (problem !== undefined) throw new FlagError(`${place}: ${problem}`);
    merged[name] = value;
  }
  return merged;
}
