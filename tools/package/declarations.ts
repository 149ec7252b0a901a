/**
 * The type declarations of the published package: those that `deno pack` makes, of the modules that its entry
 * points' types need.
 * @module
 */
import { dirname, join, relative } from "@std/path";
import { readTar } from "./tar.ts";

/** Folder of declarations in the package, with the source tree's paths below. */
export const TYPES = "types";

/** Names of WebAssembly, which TypeScript has in its library of the DOM alone: these merge with a platform's. */
const WEBASSEMBLY = `${TYPES}/webassembly.d.ts`;
const webAssemblyNames = `declare namespace WebAssembly {
  interface Memory {}
  interface Module {}
}
`;

/** Declarations of files that a bundler or workerd imports as modules, by their path in the package. */
export const moduleTypes = {
  kernels: `${TYPES}/kernels.wasm.d.ts`,
  weights: `${TYPES}/weights.d.ts`,
};

/** Path in the package of a source file's declarations. */
export function declarationPath(source: string): string {
  return `${TYPES}/${source.replace(/\.ts$/, ".d.ts")}`;
}

/**
 * Declarations by their path in the package.
 * @throws {Error} with what `deno pack` says where it fails or finds slow types
 */
export async function declarations(
  root: string,
  sources: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const packed = await packByDeno(root), found = new Map<string, Uint8Array>();
  const waiting = sources.map((source) => source.replace(/\.ts$/, ".d.ts"));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(`${TYPES}/${path}`)) continue;
    const bytes = packed.get(`package/${path}`);
    if (!bytes) throw new Error(`Cannot make declarations: deno pack made no ${path}`);
    const text = new TextDecoder().decode(bytes);
    found.set(`${TYPES}/${path}`, encode(withWebAssembly(`${TYPES}/${path}`, text)));
    for (const [, specifier] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      waiting.push(join(dirname(path), specifier).replace(/\.(js|ts)$/, ".d.ts"));
    }
  }
  const kernels = `/** The kernels that serve, for platforms that compile no bytes at run time. */
declare const kernels: WebAssembly.Module;
export default kernels;
`;
  const weights = `/** A file of weights, as workerd imports it. */
declare const bytes: ArrayBuffer;
export default bytes;
`;
  found.set(WEBASSEMBLY, encode(webAssemblyNames));
  found.set(moduleTypes.kernels, encode(withWebAssembly(moduleTypes.kernels, kernels)));
  found.set(moduleTypes.weights, encode(weights));
  return found;
}

/** Declarations that find the names of WebAssembly on every platform. */
function withWebAssembly(path: string, text: string): string {
  if (!/\bWebAssembly\./.test(text)) return text;
  return `/// <reference path="./${relative(dirname(path), WEBASSEMBLY)}" />\n${text}`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function packByDeno(root: string): Promise<Map<string, Uint8Array>> {
  const directory = await Deno.makeTempDir({ prefix: "dbn pack " });
  try {
    const output = join(directory, "package.tgz");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["pack", "--allow-dirty", "--no-source-maps", "--output", output],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stderr);
    if (!success || /slow-type|error\[/.test(said)) throw new Error(`Cannot pack: ${said}`);
    return await readTar(await Deno.readFile(output));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
