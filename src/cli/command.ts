/**
 * A command: flags in, exit code out, errors as one line.
 * @module
 */
import { visible } from "../outside/shown.ts";
import {
  asksForHelp,
  FlagError,
  type FlagTable,
  type FlagValues,
  parseFlags,
  type PositionalTable,
  UnknownNameError,
} from "./flags.ts";

/** Exit codes; {@linkcode exitCodes.interrupted} is 128 + SIGINT. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One command of a program. */
export interface Command {
  /** How it is called. */
  usage: string;
  /** What it does. */
  about: string;
  /** Arguments without a flag, such as the directory in `dbn sign DIRECTORY`. */
  positionals?: PositionalTable;
  /** Its flags. */
  flags: FlagTable;
  /** Does it with its flags and positional arguments; returns the exit code, 0 if none. */
  run(values: FlagValues): Promise<number | void>;
}

/** Prints a command's help where `args` ask for it, or runs it; returns the exit code. */
export async function runCommand(command: Command, args: readonly string[]): Promise<number> {
  if (asksForHelp(args)) {
    const { commandHelp } = await import("./help.ts");
    console.log(commandHelp(command));
    return exitCodes.done;
  }
  return await command.run(parseFlags(args, command.flags, command.positionals)) ?? exitCodes.done;
}

/** Runs a program to its exit: an error is one line on standard error, `FlagError`s end with code 2. */
export async function runProgram(main: () => Promise<number>): Promise<never> {
  try {
    exit(await main());
  } catch (error) {
    console.error(`error: ${await describeError(error)}`);
    exit(error instanceof FlagError ? exitCodes.usage : exitCodes.failed);
  }
}

function exit(code: number): never {
  if ("Deno" in globalThis) Deno.exit(code); // Node's own module takes 40 ms to start there
  const { process } = globalThis as unknown as { process: { exit(code: number): never } };
  return process.exit(code);
}

/** Characters of an error: arguments that it repeats may be of any length. */
const MAX_ERROR = 1000;

async function describeError(error: unknown): Promise<string> {
  const message = await nearestName(error) ??
    (error instanceof Error ? error.message : String(error));
  const told = message.split("\n").map(visible).join("\n");
  return told.length > MAX_ERROR ? `${told.slice(0, MAX_ERROR).toWellFormed()}…` : told;
}

/** What a name that is unknown may have been meant to be. */
async function nearestName(error: unknown): Promise<string | undefined> {
  if (!(error instanceof UnknownNameError)) return undefined;
  const { nearest } = await import("./nearest.ts"), near = nearest(error.given, error.known);
  return near && `Unknown ${error.kind} ${error.given}; did you mean ${near}?`;
}
