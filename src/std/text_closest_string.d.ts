/** Types of what we use of `@std/text/closest-string`, whose republication on npm has none. @module */

/** The most similar of some texts. @throws {Error} if there are none */
export function closestString(
  givenWord: string,
  possibleWords: readonly string[],
  options?: { caseSensitive?: boolean; compareFn?: (a: string, b: string) => number },
): string;
