/**
 * What differs between a source file in a checkout and in the published package. The package's modules are
 * bundled into its root, so that paths beside a source file no longer lead where they did; and bundlers of
 * users must see each import, which in a checkout would cost a server's start (src/outside/import_later.ts).
 * @module
 */
import { dirname, join } from "@std/path";
import { withLateImports } from "./late_imports.ts";

/**
 * Modules that are loaded later and that bundles of users leave out, because they need packages that are not
 * always installed: an entry each.
 */
export const unbundled = [
  "src/engine/tfjs.ts",
  "src/engine/onnx.ts",
  "src/packages/prom_client.ts",
];

/** Names of entries that are called otherwise than by their path. */
const names: Record<string, string> = {
  "src/client/client.ts": "client",
  "train/mod.ts": "train",
  "train/bin.ts": "dbn",
};

/** Path in the package of an entry, such as `engine-tfjs.js` of src/engine/tfjs.ts. */
export function modulePath(source: string): string {
  const name = names[source] ??
    source.replace(/^(src|train)\//, "").replace(/\.ts$/, "").replaceAll("/", "-");
  return `${name}.js`;
}

const IMPORT_LATER = "src/outside/import_later.ts";
const LATER = /importLater<((?:(?!importLater)[^])*?)>\(\s*"([^"]+)",\s*import\.meta\.url,?\s*\)/g;
const WORKER = /new URL\("(\.[^"]*\.ts)", import\.meta\.url\)/g;
/** `import.meta.url` of the bundled module, as against that of the source file. */
const OWN = "import.meta\0url";

/** The text of a source file as the package has it; `path` is from the repository's root. */
export function rewriteSource(path: string, text: string): string {
  const at = (specifier: string) => join(dirname(path), specifier);
  const rewritten = text
    .replace(LATER, (call, type, specifier) => {
      const [, said = specifier] = /^\s*typeof import\("([^"]+)"\)\s*$/.exec(type) ?? [];
      if (said !== specifier) {
        throw new SyntaxError(`${path}: ${call} imports another than its type says`);
      }
      return unbundled.includes(at(specifier))
        ? `importLater("./${modulePath(at(specifier))}", ${OWN})`
        : `import("${specifier}")`;
    })
    .replace(WORKER, (_, specifier) => `new URL("./${modulePath(at(specifier))}", ${OWN})`);
  if (path !== IMPORT_LATER && /\bimportLater\s*</.test(rewritten)) {
    throw new SyntaxError(
      `${path}: importLater must be called as importLater<…>("./x.ts", import.meta.url)`,
    );
  }
  return withCommands(withLateImports(path, rewritten))
    // Not `new URL("…", import.meta.url)`, in which bundlers of users look for a file.
    .replaceAll("import.meta.url", `${OWN}.replace(/[^/]*$/, "${path}")`)
    .replaceAll(OWN, "import.meta.url");
}

/** What a checkout runs as `deno task dbn NAME` the package runs as `dbn NAME`. */
function withCommands(text: string): string {
  return text
    .replaceAll("deno task start", "dbn serve")
    .replaceAll(/deno task (?:dbn )?(?=[A-Z]|[a-z]+\b)/g, "dbn ")
    .replaceAll(/\["deno", "task", (?:"dbn", )?/g, '["dbn", ');
}
