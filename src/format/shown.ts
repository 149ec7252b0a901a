/**
 * What a file holds, as a message repeats it: cut, so that no file makes a message long.
 * @module
 */

/** The longest part of a file that a message repeats, in characters. */
const MAX_SHOWN = 200;

/** A text, cut. */
export function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** A value that came from JSON, as JSON, cut. */
export function shown(value: unknown): string {
  try {
    return cut(String(JSON.stringify(value)));
  } catch (error) { // JSON may be read deeper than the stack lets it be written
    if (!(error instanceof RangeError)) throw error;
    return "a value nested too deeply to show";
  }
}
