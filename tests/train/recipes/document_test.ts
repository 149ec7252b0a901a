import { assert, assertEquals } from "@std/assert";
import { recipesDocument } from "../../../train/recipes/document.ts";
import { recipeNames } from "../../../train/recipes/files.ts";

const path = new URL("../../../docs/recipes.md", import.meta.url);

/** As `deno fmt` writes it. */
async function formatted(text: string): Promise<string> {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "-"],
    stdin: "piped",
    stdout: "piped",
    cwd: new URL("../../../", import.meta.url),
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await formatter.output()).stdout);
}

Deno.test("docs/recipes.md is what `deno task recipes` writes", async () => {
  const message = "run `deno task recipes` and commit docs/recipes.md";
  assertEquals(await Deno.readTextFile(path), await formatted(await recipesDocument()), message);
});

Deno.test("docs/recipes.md names every recipe, and no cell holds a paragraph", async () => {
  const text = await Deno.readTextFile(path);
  for (const name of await recipeNames()) assert(text.includes(`\`${name}\``), name);
  const cells = text.split("\n").filter((line) => line.startsWith("|"))
    .flatMap((line) => line.split(" | ")).map((cell) => cell.trim());
  for (const cell of cells) assert(cell.length <= 140, cell);
});
