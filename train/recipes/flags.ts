/**
 * Flags that set fields of a recipe, from the schema.
 * @module
 */
import type { FlagKind, FlagTable, FlagValues } from "../../src/cli/flags.ts";
import type { Fields, GroupField, LeafField } from "./schema/field.ts";
import { type Recipe, recipeFields } from "./schema/recipe.ts";

/** A flag's fields: the same one in one group or in several. */
interface Setting {
  flag: string;
  field: LeafField;
  /** From the recipe to the field, such as stack, k. */
  paths: string[][];
  /** What the fields' groups are; none for the run itself. */
  groups: string[];
}

const settings = collectSettings();

/** The flags, each with the value in `recipe` as its default. */
export function recipeFlags(recipe: Recipe): FlagTable {
  return Object.fromEntries(settings.map(({ flag, field, paths, groups }) => {
    const values = new Set(paths.map((path) => showValue(valueAt(recipe, path))));
    return [flag, {
      kind: kindOf(field),
      help: field.help,
      group: heading(groups),
      default: [...values].join(" and "),
      range: rangeOf(field),
      ...(field.type === "choice" && { choices: field.choices }),
    }];
  }));
}

/** The recipe with the fields whose flags were given. */
export function withFlags(recipe: Recipe, flags: FlagValues): Recipe {
  const changed = structuredClone(recipe);
  for (const { flag, paths } of settings) {
    if (flags[flag] === undefined) continue;
    for (const path of paths) {
      const group = valueAt(changed, path.slice(0, -1)) as Record<string, unknown>;
      group[path.at(-1)!] = flags[flag];
    }
  }
  return changed;
}

function collectSettings(): Setting[] {
  const byFlag = new Map<string, Setting>();
  const collect = (fields: Fields, path: string[], groups: string[]) => {
    for (const [name, field] of Object.entries(fields)) {
      if (field.type === "group") {
        if (!(field as GroupField).partial) collect(field.fields, [...path, name], [field.help]);
        continue;
      }
      const flag = typeof field.flag === "object" ? field.flag[path.at(-1)!] : field.flag;
      if (flag === undefined) continue;
      const setting = byFlag.get(flag) ?? { flag, field, paths: [], groups: [] };
      setting.paths.push([...path, name]);
      setting.groups.push(...groups);
      byFlag.set(flag, setting);
    }
  };
  collect(recipeFields, [], []);
  return [...byFlag.values()];
}

/** What the help says above flags. */
function heading(groups: string[]): string {
  const text = groups.join(" and ") || "recipe";
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

/** The bounds of a field's numbers, or undefined. */
function rangeOf(field: LeafField): readonly [number, number] | undefined {
  const domain = field.type === "list" ? field.entries : field;
  return "bounds" in domain ? domain.bounds : undefined;
}

/** @throws {TypeError} if no flag can hold the field's values. */
function kindOf(field: LeafField): FlagKind {
  switch (field.type) {
    case "integer":
    case "number":
    case "boolean":
      return field.type;
    case "choice":
    case "string":
      return "string";
    case "list":
      if (field.entries.type === "integer") return "integers";
  }
  throw new TypeError(
    `Cannot make a flag: a field must be a leaf or list of integers, got ${field.type}`,
  );
}

function valueAt(recipe: Recipe, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], recipe);
}

function showValue(value: unknown): string {
  return value === "" ? '""' : String(value);
}
