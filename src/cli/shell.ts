/**
 * Commands as text that a shell reads as they were meant.
 * @module
 */

/** Characters that mean themselves to every POSIX shell. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A command's words as one line to paste into a POSIX shell. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}
