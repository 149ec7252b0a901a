/**
 * The documents of the repository: their text, shell commands, links and code.
 * @module
 */
import { dirname, join } from "@std/path";

/** Root of the repository. */
export const root = new URL("../", import.meta.url).pathname;

/** Documents: paths from the root, in order. */
export const documents = ["README.md", ...await markdown("docs"), ...await markdown("models")]
  .sort();

async function markdown(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(root, directory))) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await markdown(path));
    else if (name.endsWith(".md")) found.push(path);
  }
  return found;
}

/** The text of a document. */
export function readDocument(path: string): Promise<string> {
  return Deno.readTextFile(join(root, path));
}

/** The fenced blocks of a language. */
export function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter(([, named]) => named === language)
    .map(([, , code]) => code);
}

/** The commands of `sh` and of indented blocks, without comments; Deno by npx is Deno. */
export function shellCommands(text: string): string[] {
  const indented = [...text.matchAll(/^ {4}((?:npx -y )?deno(?:@[\d.]+)? .*)$/gm)];
  return [...blocks(text, "sh"), ...indented.map(([, line]) => line)]
    .flatMap((code) => code.replaceAll("\\\n", " ").split("\n"))
    .map((line) =>
      line.replace(/(^|\s)#.*$/, "").trim().replace(/\s+/g, " ").replace(
        /^npx -y deno@[\d.]+ /,
        "deno ",
      )
    )
    .filter((line) => line !== "");
}

/** What stands in backticks outside blocks, line breaks as spaces. */
export function inlineCode(text: string): string[] {
  return [...text.replace(/^```[^]*?^```$/gm, "").matchAll(/`([^`]+)`/g)]
    .map(([, code]) => code.replace(/\s+/g, " "));
}

/** Where the relative links of a document lead: paths from the root. */
export function linkedPaths(path: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)]
    .map(([, inline, reference]) => inline ?? reference);
  return targets.filter((target) => !/^(https?:|#|mailto:)/.test(target))
    .map((target) => join(dirname(path), target.replace(/#.*/, "")));
}
