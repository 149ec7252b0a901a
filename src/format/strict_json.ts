/**
 * JSON as strictly as the safetensors format wants its header: no key twice, whole numbers written in
 * digits alone, and text that is Unicode. JavaScript's own parser lets all of that pass.
 * @module
 */
import { cut } from "../outside/shown.ts";

/**
 * What a text holds.
 * @throws {SyntaxError} saying what is wrong.
 */
export function parseStrictJson(text: string): unknown {
  const value = JSON.parse(text);
  checkTokens(text);
  return value;
}

/** Whole numbers as JSON's integers are written. */
const INTEGER = /^(?:0|-?[1-9]\d*)$/;

/** Of a text that is JSON. The stack is a list, because a file may nest deeper than calls can. */
function checkTokens(text: string): void {
  const open: Set<string>[] = []; // the keys of each object that is open; an array has none
  for (let at = 0; at < text.length;) {
    const start = at, first = text[at];
    if (first === '"') {
      at = endOfString(text, start);
      const token = text.slice(start, at), string = JSON.parse(token) as string;
      if (!string.isWellFormed()) throw new SyntaxError(`${cut(token)} is not Unicode`);
      at = skip(text, at, WHITE);
      if (text[at] !== ":") continue;
      const keys = open[open.length - 1];
      if (keys.has(string)) throw new SyntaxError(`the key ${cut(token)} is there twice`);
      keys.add(string);
    } else if (first === "{" || first === "[") {
      open.push(new Set());
      at++;
    } else if (first === "}" || first === "]") {
      open.pop();
      at++;
    } else if (first === "-" || (first >= "0" && first <= "9")) {
      at = skip(text, start, NUMBER);
      const token = text.slice(start, at);
      if (Number.isInteger(Number(token)) && !INTEGER.test(token)) {
        throw new SyntaxError(`a whole number must be digits alone, got ${cut(token)}`);
      }
    } else at++; // white space, a sign, or a letter of true, false or null
  }
}

const WHITE = " \t\r\n", NUMBER = "-+.eE0123456789";

/** The first place from `at` on that holds none of `characters`. */
function skip(text: string, at: number, characters: string): number {
  while (at < text.length && characters.includes(text[at])) at++;
  return at;
}

/** The place after the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
