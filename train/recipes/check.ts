/**
 * Whether a recipe can be trained, told before anything is: each field by its row of the schema, then the
 * rules of what goes with what.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { nearest } from "../../src/cli/nearest.ts";
import { brokenRule } from "./rules.ts";
import type { Domain, Field, Fields, ListDomain, NumberDomain } from "./schema/field.ts";
import { type Recipe, recipeFields } from "./schema/recipe.ts";

type Domains = Readonly<Record<string, Domain>>;

/**
 * The recipe, if it can be trained.
 * @throws {RangeError} naming the field, its bound and its value, or the rule that it breaks.
 */
export function checkRecipe(recipe: Recipe): Recipe {
  const problem = recipeProblem(recipe);
  if (problem !== undefined) throw new RangeError(`Cannot train: ${problem}`);
  return recipe;
}

/** The field, its bound and its value, or the rule that a recipe breaks; undefined where it can be trained. */
export function recipeProblem(recipe: Recipe): string | undefined {
  return groupProblem(recipeFields, recipe) ?? brokenRule(recipe) ??
    (recipe.backend === "tfjs" ? tfjsProblem(recipeFields, recipe) : undefined);
}

/** @throws {RangeError} naming what the backend tfjs does not have. */
export function checkTfjs(fields: Fields, values: object): void {
  const problem = tfjsProblem(fields, values);
  if (problem !== undefined) throw new RangeError(`Cannot train: ${problem}`);
}

/** What is wrong in a group of values, or undefined; `path` is what their names begin with. */
export function groupProblem(fields: Domains, values: unknown, path = ""): string | undefined {
  if (!isGroup(values)) {
    return `${path.slice(0, -1) || "a recipe"} must be an object, got ${show(values)}`;
  }
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(fields, name)) return unknownField(fields, name, path);
  }
  for (const [name, domain] of Object.entries(fields)) {
    const problem = valueProblem(domain, values[name], `${path}${name}`);
    if (problem !== undefined) return problem;
  }
}

/** What is wrong with the value of a field called `name`, or undefined. */
export function valueProblem(domain: Domain, value: unknown, name: string): string | undefined {
  const unless = (allowed: boolean, bound: string) =>
    allowed ? undefined : `${name} must be ${bound}, got ${show(value)}`;
  switch (domain.type) {
    case "integer":
    case "number":
      return unless(isWithin(domain, value), numberBound(domain));
    case "choice":
      return unless(
        domain.choices.includes(value as string),
        `one of ${domain.choices.join(", ")}`,
      );
    case "boolean":
      return unless(typeof value === "boolean", "true or false");
    case "string": {
      const isText = typeof value === "string" && (domain.form?.pattern.test(value) ?? true);
      return unless(isText, domain.form?.bound ?? "text");
    }
    case "list":
      return listProblem(domain, value, name);
    case "group":
      return groupProblem(
        domain.partial && isGroup(value) ? pick(domain.fields, value) : domain.fields,
        value,
        `${name}.`,
      );
  }
}

/** Says that there is no such field, and which one is meant. */
export function unknownField(fields: Domains, name: string, path: string): string {
  const names = Object.keys(fields);
  const renamed = names.find((known) => formerName(fields[known]) === name);
  if (renamed !== undefined) {
    return `there is no field ${path}${name}; it is called ${path}${renamed} now`;
  }
  const near = nearest(name, names);
  return `there is no field ${path}${name}; ${
    near === undefined ? "there are" : `did you mean ${path}${near}? There are`
  } ${names.join(", ")}`;
}

/** What earlier versions called a field, or undefined. */
export function formerName(field: Domain | Field): string | undefined {
  return "formerly" in field ? field.formerly : undefined;
}

/** Whether a value is an object of fields, not a list. */
export function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Bounds in words, such as "an integer in [1, 1000]". */
export function numberBound({ type, bounds: [lowest, highest] }: NumberDomain): string {
  return `${type === "integer" ? "an integer" : "a number"} in [${lowest}, ${highest}]`;
}

function isWithin({ type, bounds: [lowest, highest] }: NumberDomain, value: unknown): boolean {
  if (type === "integer" ? !Number.isInteger(value) : !Number.isFinite(value)) return false;
  return lowest <= (value as number) && (value as number) <= highest;
}

function listProblem({ entries, length }: ListDomain, value: unknown, name: string) {
  if (!Array.isArray(value)) return `${name} must be a list, got ${show(value)}`;
  const [fewest, most] = length ?? [0, Infinity];
  if (value.length < fewest || value.length > most) {
    return `${name} must have ${fewest} to ${most} entries, got ${value.length}`;
  }
  for (const [i, entry] of value.entries()) {
    const problem = valueProblem(entries, entry, `${name}[${i}]`);
    if (problem !== undefined) return problem;
  }
}

/** The first value that the backend tfjs does not take, or undefined. */
function tfjsProblem(fields: Fields, values: object, path = ""): string | undefined {
  for (const [name, field] of Object.entries(fields)) {
    const value = (values as Record<string, unknown>)[name];
    if (value === undefined) continue; // left out of a partial group
    if (field.type === "group") {
      const problem = tfjsProblem(field.fields, value as object, `${path}${name}.`);
      if (problem !== undefined) return problem;
    } else if (field.tfjs !== undefined && !isDeepStrictEqual(value, field.tfjs)) {
      const [given, only] = [value, field.tfjs].map((one) =>
        typeof one === "string" ? one : show(one)
      );
      return `${path}${name} ${given} needs the backend simd; tfjs takes ${only} alone`;
    }
  }
}

function pick(fields: Domains, values: object): Domains {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name in values));
}

/** A value as a message shows it. */
function show(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value) ?? String(value);
}
