/** Types of what we use of `@std/text/levenshtein-distance`, whose republication on npm has none. @module */

/** Fewest insertions, deletions and substitutions from one text to the other. */
export function levenshteinDistance(str1: string, str2: string): number;
