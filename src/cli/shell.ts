/**
 * Commands as text that a shell reads as they were meant.
 * @module
 */
import { isInstalled } from "../outside/installed.ts";
import type { FlagTable, FlagValues } from "./flags.ts";

/** Characters that mean themselves to every POSIX shell. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** A command's words as one line to paste into a POSIX shell. */
export function shellCommand(words: readonly string[]): string {
  return words.map((word) => PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
    .join(" ");
}

/** The flags that were given, as words that parse to them again. */
export function flagWords(values: FlagValues, table: FlagTable): string[] {
  return Object.entries(table).flatMap(([name, { kind, isRepeatable }]) => {
    const value = values[name];
    if (kind === "boolean") return value ? [`--${name}`] : [];
    if (isRepeatable) return ((value ?? []) as string[]).map((one) => `--${name}=${one}`);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
}

/**
 * The line that runs a task of this repository, through npx where Deno itself came by it; of the installed
 * package, its program.
 */
export function taskCommand(task: string, words: readonly string[] = []): string {
  if (isInstalled) {
    const names = task === "dbn" ? [] : [task === "start" ? "serve" : task];
    return shellCommand(["dbn", ...names, ...words]);
  }
  const byNpx = Deno.env.get("npm_lifecycle_event") === "npx";
  const deno = byNpx ? ["npx", "-y", `deno@${Deno.version.deno}`] : ["deno"];
  return shellCommand([...deno, "task", task, ...words]);
}
