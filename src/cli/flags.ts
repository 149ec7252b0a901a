/**
 * Command-line flags: parsed with std, checked here, so that a typo never starts an hour of training.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** A flag that cannot be used; the message is all the user needs to see. */
export class FlagError extends Error {
  override name = "FlagError";
}

/** A flag or command that there is none of; whoever prints it may name the nearest. */
export class UnknownNameError extends FlagError {
  override name = "UnknownNameError";

  constructor(
    readonly kind: "argument" | "command",
    readonly given: string,
    readonly known: readonly string[],
  ) {
    const all = kind === "argument" ? "flags" : "commands";
    super(`Unknown ${kind} ${given}; the ${all} are ${known.join(", ")}`);
  }
}

/** What a flag takes. */
export type FlagKind = "string" | "path" | "boolean" | "integer" | "number" | "integers";

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
  /** Bounds of a number, both allowed. */
  range?: readonly [min: number, max: number];
}

/** Flags by name. */
export type FlagTable = Record<string, FlagRow>;

/** Parsed flags: only those that were given. */
export type FlagValues = Record<string, string | boolean | number | number[] | undefined>;

/** Whether the arguments ask for help: `-h` or `--help`, wherever it stands. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.includes("-h") || args.includes("--help");
}

/**
 * Parses `args` by `table`; `--help` is always allowed.
 * @throws {FlagError} naming the unknown flag, or the flag, what it takes and what it got.
 */
export function parseFlags(args: readonly string[], table: FlagTable): FlagValues {
  const names = Object.keys(table);
  const booleans = names.filter((name) => table[name].kind === "boolean");
  const valued = names.filter((name) => !booleans.includes(name));
  const parsed = parseArgs(joinValues(args, valued), {
    boolean: ["help", ...booleans],
    string: valued,
    collect: valued,
    unknown: (argument: string) => {
      const known = [...names, "help"].map((name) => `--${name}`);
      throw new UnknownNameError("argument", argument.split("=")[0], known);
    },
  }) as Record<string, unknown>;
  const values: FlagValues = { help: parsed.help as boolean };
  for (const name of booleans) values[name] = parsed[name] as boolean;
  for (const name of valued) {
    const given = parsed[name];
    if (Array.isArray(given) && given.length > 0) values[name] = single(name, given, table[name]);
  }
  return values;
}

/** Joins to its flag a value that std would take for a flag or for nothing: `-1`, or an empty text. */
function joinValues(args: readonly string[], valued: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const next = args[i + 1];
    const takesNext = args[i].startsWith("--") && valued.includes(args[i].slice(2)) &&
      (next === "" || /^-\.?\d/.test(next));
    joined.push(takesNext ? `${args[i]}=${next}` : args[i]);
    if (takesNext) i++;
  }
  return joined;
}

function single(name: string, given: unknown[], row: FlagRow): FlagValues[string] {
  if (given.length > 1) {
    throw new FlagError(`--${name} must be given once, got ${given.length} times`);
  }
  const text = String(given[0]);
  if (row.choices && !row.choices.includes(text)) {
    throw new FlagError(
      `--${name} must be one of ${row.choices.join(", ")}, got ${JSON.stringify(text)}`,
    );
  }
  return convert(name, text, row);
}

function convert(name: string, text: string, row: FlagRow): FlagValues[string] {
  const { kind } = row;
  if (kind === "path" && text.trim() === "") {
    throw new FlagError(`--${name} must be a path, got ${JSON.stringify(text)}`);
  }
  if (text === "" && kind !== "string") throw new FlagError(`--${name} needs a value`);
  if (kind === "string" || kind === "path") return text;
  if (kind === "integers") return text.split(",").map((part) => convertNumber(name, part, row));
  return convertNumber(name, text, row);
}

function convertNumber(name: string, text: string, { kind, range }: FlagRow): number {
  const value = /^\s*$/.test(text) ? NaN : Number(text);
  const fits = kind === "number" ? Number.isFinite(value) : Number.isSafeInteger(value);
  const inside = range === undefined || (value >= range[0] && value <= range[1]);
  if (fits && inside) return value;
  const what = kind === "number" ? "a number" : "an integer";
  const bounds = range ? ` in [${range[0]}, ${range[1]}]` : "";
  throw new FlagError(`--${name} must be ${what}${bounds}, got ${JSON.stringify(text)}`);
}
