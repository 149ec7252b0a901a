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
  const needsDeno = Object.hasOwn(commands, name) && commands[name].needsDeno;
  if (needsDeno && !("Deno" in globalThis) && !asksForHelp(words)) {
    const program = realpathSync(process.argv[1]);
    const command = shellCommand(["npx", "-y", DENO, "run", "-A", program, ...words]);
    throw new Error(`dbn ${name} needs Deno: ${command}`);
  }
  return await main(words);
});
