/**
 * Builds the package that is installed from npm: modules, declarations, the kernels, the released model.
 * @module
 */
import { decodeBase64 } from "@std/encoding/base64";
import { join } from "@std/path";
import { program } from "../../src/kernels/generated/serving.ts";
import { bundle, entries, PROGRAM } from "./bundle.ts";
import { declarations } from "./declarations.ts";
import { modelContents } from "./model.ts";
import { KERNELS, type Metadata, packageJson } from "./package_json.ts";
import { modulePath } from "./rewrite.ts";
import { type PackedFile, writeTar } from "./tar.ts";

/** A built package. */
export interface BuiltPackage {
  /** File name of the archive, as npm would call it. */
  name: string;
  archive: Uint8Array<ArrayBuffer>;
  /** The files in it, their paths from the package's root. */
  files: readonly PackedFile[];
}

/**
 * Builds the package from a checkout.
 * @param root its directory
 * @param options whether to make declarations, which takes most of the time
 */
export async function buildPackage(
  root: string,
  { hasTypes = true }: { hasTypes?: boolean } = {},
): Promise<BuiltPackage> {
  const metadata: Metadata = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const { files: modules, packages } = await bundle(root);
  const types = hasTypes ? await declarations(root, Object.values(entries)) : [];
  const recipes = (await Array.fromAsync(Deno.readDir(join(root, "train/recipes"))))
    .filter(({ name }) => name.endsWith(".json")).map(({ name }) => `train/recipes/${name}`);
  const copied = ["LICENSE", "README.md", ...recipes];
  const contents = new Map<string, Uint8Array>([
    ...modules,
    ...types,
    ...await modelContents(root),
    ...await Promise.all(
      copied.map(async (path) => [path, await Deno.readFile(join(root, path))] as const),
    ),
    [KERNELS, decodeBase64(program.plain)],
    ["package.json", encode(packageJson(metadata, packages))],
  ]);
  const main = modulePath(PROGRAM);
  const files = [...contents].map(([path, bytes]) => ({
    path,
    bytes,
    isExecutable: path === main,
  }));
  const archive = await writeTar(
    files.map((file) => ({ ...file, path: `package/${file.path}` })),
  );
  const name = `${metadata.name.replace("@", "").replace("/", "-")}-${metadata.version}.tgz`;
  return { name, archive, files };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
