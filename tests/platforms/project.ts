/**
 * Folders in which the package is installed as a user would install it, with the program beside it.
 * @module
 */
import { readProbe } from "../../src/format/probe.ts";
import { releasedModel } from "../../src/repository/model_directory.ts";
import { honoNodeServer, install, runTool } from "./runtimes.ts";

/** Root of the repository. */
export const root = new URL("../../", import.meta.url).pathname;

/** Ten images of the released model's probe as bytes, (10, 784). */
export async function readDigits(): Promise<Uint8Array> {
  const bytes = await Deno.readFile(`${root}${releasedModel}/probe.safetensors`);
  const { images } = readProbe(bytes, { imageSize: 784, labelSize: 10 });
  return Uint8Array.from(images.subarray(0, 10 * 784), (ink) => Math.round(255 * ink));
}

/** The package as `deno task package` makes it, in a directory. @returns its path */
export async function makeTarball(directory: string): Promise<string> {
  const args = ["task", "--quiet", "package", "--out", directory];
  const output = await runTool(Deno.execPath(), args, root);
  const path = /\S+\.tgz/.exec(output)?.[0];
  if (path === undefined) throw new Error(`deno task package named no tarball: ${output}`);
  return path;
}

/** How a package manager adds packages to a folder. */
const adds = {
  npm: async (folder: string, packages: string[]) => {
    await runTool("npm", ["install", "--no-audit", "--no-fund", ...packages], folder);
  },
  bun: async (folder: string, packages: string[]) => {
    await runTool(await install("bun"), ["add", ...packages], folder);
  },
};

/** A new folder with the package, the program and the examples in it. @returns its path */
export async function makeProject(manager: keyof typeof adds, tarball: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: `platforms-${manager}-` });
  await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module", "private": true }\n');
  await adds[manager](folder, [tarball, honoNodeServer]);
  await Deno.writeFile(`${folder}/digits.bin`, await readDigits());
  for (const from of [`${root}tests/platforms/program`, `${root}examples`]) {
    for await (const { name, isFile } of Deno.readDir(from)) {
      if (isFile) await Deno.copyFile(`${from}/${name}`, `${folder}/${name}`);
    }
  }
  return folder;
}

/** Where the package lies in a project. */
export function packageFolder(project: string): string {
  return `${project}/node_modules/@dbn-edge/dbn-edge`;
}

/** Sizes of a file, in bytes: as it is, and gzipped. */
export async function sizesOf(path: string): Promise<{ bytes: number; gzipped: number }> {
  const { size } = await Deno.stat(path), file = await Deno.open(path);
  let gzipped = 0;
  for await (const part of file.readable.pipeThrough(new CompressionStream("gzip"))) {
    gzipped += part.length;
  }
  return { bytes: size, gzipped };
}
