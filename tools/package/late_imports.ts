/**
 * What the package loads when, of the modules that a checkout loads later. Finding a module takes longer than
 * reading it, and every set of modules that are loaded together is a file: so the library imports all at its
 * start, and the program `dbn` loads the commands of training together.
 * @module
 */

/** The table of commands. */
export const COMMANDS = "train/cli/dbn.ts";

/** Name of a module that exports the commands of training, each as a namespace. */
export const TRAINING_COMMANDS = "commands:training";

const DYNAMIC = /\bimport\("(\.[^"]+)"\)(?!\s*>)/g;
/** Commands for services and signatures are loaded with the program, those of training by themselves. */
const LIGHT = /\bimport\("(\.\/(?:repository|signing)\/[^"]+)"\)/g;
const TRAINING = /\bimport\("(\.\/(?!repository|signing)[^"]+)"\)/g;

/** A source file whose dynamic imports are those of the package. */
export function withLateImports(path: string, text: string): string {
  if (path === COMMANDS) {
    const grouped = text.replace(
      TRAINING,
      (_, specifier) => `import("${TRAINING_COMMANDS}").then((all) => all.${nameOf(specifier)})`,
    );
    return withStaticImports(grouped, LIGHT);
  }
  return path.startsWith("src/") ? withStaticImports(text, DYNAMIC) : text;
}

/** The module {@linkcode TRAINING_COMMANDS}, as if it lay beside the table. */
export function trainingCommands(table: string): string {
  return [...table.matchAll(TRAINING)]
    .map(([, specifier]) => `export * as ${nameOf(specifier)} from "${specifier}";`).join("\n");
}

function withStaticImports(text: string, pattern: RegExp): string {
  const imports: string[] = [];
  const rewritten = text.replace(pattern, (_, specifier) => {
    imports.push(`import * as late${imports.length} from "${specifier}";`);
    return `Promise.resolve(late${imports.length - 1})`;
  });
  return imports.join(" ") + rewritten;
}

function nameOf(specifier: string): string {
  return specifier.replace(/^\.\/|\.ts$/g, "").replace(/\W/g, "_");
}
