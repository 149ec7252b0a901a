/**
 * Fields and their values in words.
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { numberBound } from "./check.ts";
import type { Domain, Fields } from "./schema/field.ts";

/** A value as a sentence shows it: text as it is, all else as JSON. */
export function valueText(value: unknown): string {
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

/** The values that are allowed, such as "an integer in [1, 1000]". */
export function domainText(domain: Domain): string {
  switch (domain.type) {
    case "integer":
    case "number":
      return numberBound(domain);
    case "choice":
      return domain.choices.join(", ");
    case "boolean":
      return "true, false";
    case "string":
      return domain.form?.bound ?? "text";
    case "list":
      return listText(domain.entries, domain.length);
    case "group":
      return Object.entries(domain.fields)
        .map(([name, inner]) => `${name}: ${domainText(inner)}`).join("; ");
  }
}

/** The fields that differ from their defaults, such as "chains 500, centring 0.01", without those in `except`. */
export function changesText(fields: Fields, values: object, except: readonly string[]): string {
  return Object.entries(values)
    .filter(([name, value]) => !except.includes(name) && isChanged(fields, name, value))
    .map(([name, value]) => `${name} ${valueText(value)}`)
    .join(", ");
}

function isChanged(fields: Fields, name: string, value: unknown): boolean {
  const field = fields[name];
  return field.type !== "group" && !isDeepStrictEqual(value, field.default);
}

function listText(entries: Domain, length?: readonly [fewest: number, most: number]): string {
  const count = length ? `${length[0]} to ${length[1]} entries` : "entries";
  return `${count}, each ${domainText(entries)}`;
}
