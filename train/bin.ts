/**
 * The program `dbn` as the installed package runs it, in Deno, Node and Bun.
 * @module
 */
import { realpathSync } from "node:fs";
import process from "node:process";
import { runProgram } from "../src/cli/command.ts";
import { asksForHelp } from "../src/cli/flags.ts";
import { shellCommand } from "../src/cli/shell.ts";
import { commands, main } from "./cli/dbn.ts";

/** The version of Deno that this package is tested with. */
const DENO = "deno@2.9.6";

await runProgram(async () => {
  const words = process.argv.slice(2), [name] = words;
  const isDeno = "Deno" in globalThis;
  const needsDeno = Object.hasOwn(commands, name) && commands[name].needsDeno;
  if (needsDeno && !isDeno && !asksForHelp(words)) throw denoNeeded(words);
  try {
    return await main(words);
  } catch (error) {
    // Some flags of a command need Deno, the command itself does not.
    const lacks = error instanceof ReferenceError && /^(Deno|DisposableStack) /.test(error.message);
    throw lacks && !isDeno ? denoNeeded(words, error) : error;
  }
});

/** What to run instead where a command needs Deno. */
function denoNeeded(words: readonly string[], cause?: Error): Error {
  const program = realpathSync(process.argv[1]);
  const command = shellCommand(["npx", "-y", DENO, "run", "-A", program, ...words]);
  return new Error(`dbn ${words[0]} needs Deno: ${command}`, { cause });
}
