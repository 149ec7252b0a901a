/**
 * The type declarations of the published package: those that `deno pack` makes, of the modules that its entry
 * points' types need.
 * @module
 */
import { dirname, join } from "@std/path";
import { readTar } from "./tar.ts";

/** Folder of declarations in the package, with the source tree's paths below. */
export const TYPES = "types";

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
    found.set(`${TYPES}/${path}`, bytes);
    const text = new TextDecoder().decode(bytes);
    for (const [, specifier] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      waiting.push(join(dirname(path), specifier).replace(/\.(js|ts)$/, ".d.ts"));
    }
  }
  return found;
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
