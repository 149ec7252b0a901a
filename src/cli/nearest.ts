/**
 * What a misspelt name was meant to be.
 * @module
 */
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** The known name that a slip or a few make of what was given, if there is one. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const closest: string = closestString(given, known);
  const slips = Math.max(2, given.length / 3);
  return levenshteinDistance(given.toLowerCase(), closest.toLowerCase()) <= slips
    ? closest
    : undefined;
}
