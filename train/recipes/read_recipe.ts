/**
 * Recipes as files: train/recipes/NAME.json names a recipe that it extends and the fields that differ.
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { FlagError } from "../../src/cli/flags.ts";
import { presets, type Recipe } from "./recipe.ts";

const DIRECTORY = new URL("./", import.meta.url);

/** The names of all recipes: the presets, then the files. */
export async function recipeNames(): Promise<string[]> {
  const files = (await readdir(DIRECTORY)).filter((file) => file.endsWith(".json"));
  return [...Object.keys(presets), ...files.map((file) => file.slice(0, -5)).sort()];
}

function isPreset(name: string): name is keyof typeof presets {
  return Object.hasOwn(presets, name);
}

/**
 * The recipe of that name, not yet checked.
 * @param extending the recipes that extend it, the outermost first
 * @throws {FlagError} if there is none, if it extends itself, or if its file is not JSON or names a field
 * that no recipe has.
 */
export async function readRecipe(name: string, extending: string[] = []): Promise<Recipe> {
  if (isPreset(name)) return presets[name];
  if (extending.includes(name)) {
    throw new FlagError(`train/recipes: ${[...extending, name].join(" extends ")}`);
  }
  const names = await recipeNames();
  if (!names.includes(name)) {
    const where = extending.length > 0
      ? `train/recipes/${extending.at(-1)}.json: extends`
      : "--recipe";
    throw new FlagError(`${where} must be one of ${names.join(", ")}, got ${JSON.stringify(name)}`);
  }
  const text = await readFile(new URL(`${name}.json`, DIRECTORY), "utf8");
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text);
  } catch (cause) {
    throw new FlagError(`train/recipes/${name}.json is not JSON: ${(cause as Error).message}`);
  }
  if (kindOf(fields) !== "object") {
    throw new FlagError(`train/recipes/${name}.json must be an object, got ${kindOf(fields)}`);
  }
  const { extends: base = "plain", about: _, ...changes } = fields;
  const recipe = merge(await readRecipe(String(base), [...extending, name]), changes, name);
  return { ...recipe, name };
}

/** The recipe with fields set from `stack.epochs=5 fineTuning.optimizer=sgd`; values are JSON or text. */
export function setFields(recipe: Recipe, assignments: string): Recipe {
  return assignments.split(/\s+/).filter(Boolean).reduce((changed, assignment) => {
    const [, path, text] = /^([\w.]+)=(.*)$/.exec(assignment) ?? [];
    if (path === undefined) {
      throw new FlagError(`--set must be FIELD=VALUE, got ${JSON.stringify(assignment)}`);
    }
    const value = path.split(".").reduceRight<unknown>(
      (inner, key) => ({ [key]: inner }),
      parse(text),
    );
    return merge(changed, value as object, "--set");
  }, recipe);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Changes deep fields. @throws {FlagError} naming a field that is not there, or of another type. */
function merge<T extends object>(base: T, changes: object, place: string, path = ""): T {
  const out = { ...base } as Record<string, unknown>;
  for (const [key, value] of Object.entries(changes)) {
    const name = `${path}${key}`;
    if (name === "upperStack" && kindOf(value) === "object") {
      merge(out.stack as object, value, place, "upperStack."); // it has the same fields
      out[key] = { ...out[key] as object, ...value };
      continue;
    }
    if (!Object.hasOwn(base, key)) {
      throw new FlagError(
        `${place}: there is no field ${name}; there are ${Object.keys(base).join(", ")}`,
      );
    }
    const before = out[key];
    if (kindOf(before) !== kindOf(value)) {
      throw new FlagError(
        `${place}: ${name} must be of type ${kindOf(before)}, got ${JSON.stringify(value)}`,
      );
    }
    out[key] = kindOf(before) === "object"
      ? merge(before as object, value as object, place, `${name}.`)
      : value;
  }
  return out as T;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "list" : value === null ? "null" : typeof value;
}
