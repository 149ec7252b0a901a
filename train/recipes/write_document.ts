/**
 * `deno task recipes`: writes docs/recipes.md from the schema of recipes.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { type Command, runCommand, runProgram } from "../../src/cli/command.ts";
import { formatFiles } from "../../src/cli/format.ts";
import { recipesDocument } from "./document.ts";

const command: Command = {
  usage: "deno task recipes",
  about:
    "Writes docs/recipes.md: every field of a recipe, its default, bounds and flag, from train/recipes/schema.",
  flags: {},
  async run() {
    const path = new URL("../../docs/recipes.md", import.meta.url);
    await writeFile(path, await recipesDocument());
    await formatFiles(path);
  },
};

if (import.meta.main) await runProgram(() => runCommand(command, Deno.args));
