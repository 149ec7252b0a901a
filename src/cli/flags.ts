/**
 * Command-line flags: parsed with std, checked here, so that a typo never starts an hour of training.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** A flag that cannot be used; the message is all the user needs to see. */
export class FlagError extends Error {
  override name = "FlagError";
}

/** What a flag takes. */
export type FlagKind = "string" | "boolean" | "integer" | "number" | "integers";

/** A flag: what it takes, and a line of help. */
export interface FlagRow {
  kind: FlagKind;
  help: string;
  /** Heading of the help that it stands under. */
  group?: string;
  /** What it is without the flag, as the help shows it. */
  default?: string;
  /** All values that it may have. */
  choices?: readonly string[];
}

/** Flags by name. */
export type FlagTable = Record<string, FlagRow>;

/** Parsed flags: only those that were given. */
export type FlagValues = Record<string, string | boolean | number | number[] | undefined>;

/**
 * Parses `args` by `table`; `--help` is always allowed.
 * @throws {FlagError} naming the unknown flag, or the flag, what it takes and what it got.
 */
export function parseFlags(args: readonly string[], table: FlagTable): FlagValues {
  const names = Object.keys(table);
  const booleans = ["help", ...names.filter((name) => table[name].kind === "boolean")];
  const parsed = parseArgs([...args], {
    boolean: booleans,
    string: names.filter((name) => !booleans.includes(name)),
    collect: names.filter((name) => !booleans.includes(name)),
    unknown: (arg: string) => {
      throw new FlagError(`Unknown argument ${arg}; the flags are ${flagList(names)}`);
    },
  }) as Record<string, unknown>;
  const values: FlagValues = { help: parsed.help as boolean };
  for (const name of names) {
    const given = parsed[name];
    if (table[name].kind === "boolean") values[name] = given as boolean;
    else if (Array.isArray(given) && given.length > 0) values[name] = single(name, given, table);
  }
  return values;
}

/** The help text of a command. */
export function flagHelp(usage: string, table: FlagTable): string {
  const width = Math.max(...Object.keys(table).map((name) => name.length)) + 4;
  const lines = Object.entries(table).map(([name, { help }]) =>
    `  --${name}`.padEnd(width + 2) + help
  );
  return `${usage}\n\n${lines.join("\n")}\n`;
}

/**
 * Runs a command's main function: `FlagError`s end with code 2 and other errors with code 1, each
 * as one line on standard error.
 */
export async function runCommand(main: () => Promise<number | void>): Promise<never> {
  try {
    Deno.exit(await main() ?? 0);
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    Deno.exit(error instanceof FlagError ? 2 : 1);
  }
}

function single(name: string, given: unknown[], table: FlagTable): FlagValues[string] {
  if (given.length > 1) {
    throw new FlagError(`--${name} must be given once, got ${given.length} times`);
  }
  return convert(name, String(given[0]), table[name].kind);
}

function convert(name: string, text: string, kind: FlagKind): FlagValues[string] {
  if (text === "" && kind !== "string") throw new FlagError(`--${name} needs a value`);
  if (kind === "string") return text;
  if (kind === "integers") return text.split(",").map((part) => convertNumber(name, part, true));
  return convertNumber(name, text, kind === "integer");
}

function convertNumber(name: string, text: string, integer: boolean): number {
  const value = /^\s*$/.test(text) ? NaN : Number(text);
  if (integer ? !Number.isSafeInteger(value) : !Number.isFinite(value)) {
    throw new FlagError(
      `--${name} must be ${integer ? "an integer" : "a number"}, got ${JSON.stringify(text)}`,
    );
  }
  return value;
}

function flagList(names: string[]): string {
  return [...names, "help"].map((name) => `--${name}`).join(", ");
}
