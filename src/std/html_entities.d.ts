/** Types of what we use of `@std/html/entities`, whose republication on npm has none. @module */

/** The text with the characters that have a meaning in HTML as entities. */
export function escape(str: string): string;
