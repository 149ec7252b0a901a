/**
 * Command-line arguments, flags and positional ones: parsed with std, checked here, so that a typo never starts an hour of training.
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
  /** What it takes. */
  kind: FlagKind;
  /** A line of help. */
  help: string;
  /** Heading of the help that it stands under. */
  group?: string;
  /** What it is without the flag, as the help shows it. */
  default?: string;
  /** All values that it may have. */
  choices?: readonly string[];
  /** Bounds of a number, both allowed. */
  range?: readonly [min: number, max: number];
  /** Whether it may be given several times: its value is a list. */
  isRepeatable?: true;
  /** Whether the command cannot do without it. */
  isRequired?: true;
}

/** Flags by name. */
export type FlagTable = Record<string, FlagRow>;

/** A positional argument: what it is, and a line of help. */
export interface PositionalRow extends Pick<FlagRow, "help" | "choices" | "range"> {
  /** What it is. */
  kind: Exclude<FlagKind, "boolean">;
  /** Whether it may be left out; then so may those after it. */
  isOptional?: true;
}

/** Positional arguments by name, in their order; the names are none of flags. */
export type PositionalTable = Record<string, PositionalRow>;

/** Parsed flags and positional arguments: only those that were given. */
export type FlagValues = Record<
  string,
  string | boolean | number | number[] | string[] | undefined
>;

/** Whether the arguments ask for help: `-h` or `--help`, wherever it stands. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.includes("-h") || args.includes("--help");
}

/**
 * Parses `args` by the tables; `--help` is always allowed, and what follows `--` is no flag.
 * @throws {FlagError} naming the unknown or missing one, or the argument, what it takes and what it got.
 */
export function parseFlags(
  args: readonly string[],
  table: FlagTable,
  positionals: PositionalTable = {},
): FlagValues {
  const names = Object.keys(table), known = [...names, "help"].map((name) => `--${name}`);
  const booleans = names.filter((name) => table[name].kind === "boolean");
  const valued = names.filter((name) => !booleans.includes(name));
  const takesPositionals = Object.keys(positionals).length > 0;
  const parsed = parseArgs(joinValues(args, valued), {
    boolean: ["help", ...booleans],
    string: ["_", ...valued],
    collect: valued,
    unknown: (argument: string, key?: string) => {
      if (key === undefined && takesPositionals) return true;
      throw new UnknownNameError("argument", argument.split("=")[0], known);
    },
  }) as Record<string, unknown>;
  const values: FlagValues = { help: parsed.help as boolean };
  for (const name of booleans) values[name] = parsed[name] as boolean;
  for (const name of valued) {
    const given = parsed[name];
    if (Array.isArray(given) && given.length > 0) {
      values[name] = convertAll(`--${name}`, given.map(String), table[name]);
    } else if (table[name].isRequired) {
      throw new FlagError(`--${name} must be given: ${table[name].help}`);
    }
  }
  return { ...values, ...placed(parsed._ as string[], positionals) };
}

/** The positional arguments by name. @throws {FlagError} if there are more or fewer than their table has. */
function placed(given: readonly string[], positionals: PositionalTable): FlagValues {
  const rows = Object.entries(positionals);
  if (given.length > rows.length) {
    const labels = rows.map(([name]) => positionalLabel(name)).join(" ");
    const places = rows.length === 0 ? "it takes flags alone" : `it takes ${labels} and flags`;
    const argument = given[rows.length];
    // npm wants `--` before a script's flags, deno task none.
    const reason = argument.startsWith("-")
      ? "what follows -- is no flag; leave out the --"
      : places;
    throw new FlagError(`Unknown argument ${argument}: ${reason}`);
  }
  const values: FlagValues = {};
  rows.forEach(([name, row], i) => {
    const label = positionalLabel(name);
    if (i < given.length) values[name] = convert(label, given[i], row);
    else if (!row.isOptional) throw new FlagError(`${label} must be given: ${row.help}`);
  });
  return values;
}

/** A positional argument as help and messages show it. */
export function positionalLabel(name: string): string {
  return name.toUpperCase();
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

function convertAll(label: string, given: string[], row: FlagRow): FlagValues[string] {
  if (row.isRepeatable) return given.map((text) => convert(label, text, row)) as string[];
  if (given.length === 1) return convert(label, given[0], row);
  throw new FlagError(`${label} must be given once, got ${given.length} times`);
}

/** What converting needs to know. */
type Row = Pick<FlagRow, "kind" | "choices" | "range">;

function convert(label: string, text: string, row: Row): FlagValues[string] {
  const { kind, choices } = row, got = `got ${JSON.stringify(text)}`;
  if (choices && !choices.includes(text)) {
    throw new FlagError(`${label} must be one of ${choices.join(", ")}, ${got}`);
  }
  if (kind === "path" && text.trim() === "") throw new FlagError(`${label} must be a path, ${got}`);
  if (text === "" && kind !== "string") throw new FlagError(`${label} needs a value`);
  if (kind === "string" || kind === "path") return text;
  if (kind === "integers") return text.split(",").map((part) => convertNumber(label, part, row));
  return convertNumber(label, text, row);
}

function convertNumber(label: string, text: string, { kind, range }: Row): number {
  const value = /^\s*$/.test(text) ? NaN : Number(text);
  const fits = kind === "number" ? Number.isFinite(value) : Number.isSafeInteger(value);
  const inside = range === undefined || (value >= range[0] && value <= range[1]);
  if (fits && inside) return value;
  const what = kind === "number" ? "a number" : "an integer";
  const bounds = range ? ` in [${range[0]}, ${range[1]}]` : "";
  throw new FlagError(`${label} must be ${what}${bounds}, got ${JSON.stringify(text)}`);
}
