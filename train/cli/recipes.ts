/**
 * `deno task recipes`: writes docs/recipes.md from the schema of recipes.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { flagHelp, parseFlags, runCommand } from "../../src/cli/flags.ts";
import { recipesDocument } from "../recipes/document.ts";

const USAGE = `Usage: deno task recipes

Writes docs/recipes.md: every field of a recipe, its default, bounds and flag, from train/recipes/schema.`;

/** Runs the command; returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args, {});
  if (flags.help) {
    console.log(flagHelp(USAGE, {}));
    return 0;
  }
  await writeFile(new URL("../../docs/recipes.md", import.meta.url), await recipesDocument());
  return 0;
}

if (import.meta.main) await runCommand(() => main(Deno.args));
