/**
 * What comes from outside (requests, files, their names), as messages and the log repeat it: cut, so that
 * nothing makes a message long, and without what a terminal obeys or shows nothing of.
 * @module
 */

/** The longest part of what comes from outside that a message repeats, in characters. */
const MAX_SHOWN = 200;

/** Unicode's controls, format characters, line and paragraph separators, and halves of a pair. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** A text whole, in which controls, bidirectional marks and line separators stand as `\u{…}`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (unseen) => `\\u{${unseen.codePointAt(0)!.toString(16)}}`);
}

/** {@linkcode visible}, cut. */
export function cut(text: string): string {
  const kept = visible(text.slice(0, MAX_SHOWN + 1)); // never shorter than what it stands for
  return kept.length > MAX_SHOWN ? `${kept.slice(0, MAX_SHOWN).toWellFormed()}…` : kept;
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

/** A URL: a file's path, or the URL without name and password. */
export function shownUrl(url: URL): string {
  if (url.protocol === "file:") return visible(pathOf(url));
  const open = new URL(url);
  open.username = open.password = "";
  return open.href;
}

/** A file's path, of Windows too; without node:url, which takes a server's start 40 ms to load. */
function pathOf({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname).replace(/^\/(?=[A-Za-z]:)/, "");
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return pathname;
  }
}
